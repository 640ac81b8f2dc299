"""The taxonomy: its keys, its versions, and what freezes one."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.urls import reverse

from galproject.help.keys import key_lists
from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import make_candidates
from variables.models import Artifact, Campaign, Taxonomy, TaxonomyClass
from variables.models.taxonomy import COMMAND_KEYS
from variables.vetting.admin import copy_taxonomy, make_current

pytestmark = pytest.mark.django_db
STATIC = Path(__file__).parents[2] / "static"


@pytest.fixture
def first():
    return Taxonomy.objects.get(version=1)


def keys_in(script):
    """The keys that a lane's script binds to commands: of its list, which it names."""
    (page,) = re.findall(r'\}, keysOf\("(\w+)"\)\);', (STATIC / script).read_text())
    keys = {key for line in key_lists()[page] for key in line.keys}
    return {" " if key == "Space" else key for key in keys} - set("←→↑↓")


def test_the_first_taxonomy_is_current_and_its_subtypes_are_those_of_flags(first):
    assert first.is_current
    subtypes = first.classes.exclude(parent=None).values_list("slug", flat=True)
    assert {slug.removeprefix("artifact-") for slug in subtypes} == set(Artifact.values)
    assert first.classes.filter(parent=None, kind="variable").count() == 12


def test_keys_are_unique_and_do_nothing_else(first):
    for classes in (first.classes.filter(parent=None), first.classes.exclude(parent=None)):
        keys = list(classes.values_list("key", flat=True))
        assert len(keys) == len(set(keys))
    assert not COMMAND_KEYS & set(first.classes.filter(parent=None).values_list("key", flat=True))
    for one in first.classes.all():
        one.clean()


@pytest.mark.parametrize("script", ["vetting-card.js", "vetting-sheet.js"])
def test_commands_of_the_lanes_are_kept_from_classes(script):
    single = {key for key in keys_in(script) if len(key) == 1}
    assert {"z", "b", " "} <= single <= COMMAND_KEYS


@pytest.mark.parametrize("key", ["z", "b", "?", " "])
def test_a_class_cannot_take_the_key_of_a_command(first, key):
    with pytest.raises(ValidationError, match="is a command"):
        TaxonomyClass(taxonomy=first, slug="new", label="new", kind="variable", key=key).clean()


def test_a_subtype_cannot_take_the_key_of_its_class(first):
    artifact = first.classes.get(slug="artifact")
    with pytest.raises(ValidationError, match="pressed twice"):
        TaxonomyClass(taxonomy=first, slug="new", key="a", parent=artifact).clean()


def test_a_taxonomy_that_somebody_voted_by_is_frozen(first):
    candidate = make_candidates(1)[0]
    one = first.classes.get(slug="rr-lyrae")
    one.label = "RRab"
    one.save()
    vote(make_voter(), candidate.pk)
    with pytest.raises(ValidationError, match="Copy it as a new version"):
        one.clean()
    with pytest.raises(ValidationError, match="Copy it as a new version"):
        one.save()
    with pytest.raises(ValidationError, match="Copy it as a new version"):
        first.classes.get(slug="flare").delete()


def test_a_copy_has_the_same_classes_and_is_free(first):
    candidate = make_candidates(1)[0]
    vote(make_voter(), candidate.pk)
    copy = copy_taxonomy(first)
    assert copy.version == 2 and not copy.is_current
    paths = [{c.path for c in taxonomy.classes.all()} for taxonomy in (first, copy)]
    assert paths[0] == paths[1]
    assert all(c.parent.taxonomy == copy for c in copy.classes.exclude(parent=None))
    one = copy.classes.get(slug="flare")
    one.label = "M dwarf flare"
    one.save()
    assert first.classes.get(slug="flare").label == "stellar flare"


def test_campaigns_keep_their_taxonomy_when_another_is_made_current(first):
    campaign = make_campaign(1)
    copy = copy_taxonomy(first)
    make_current(copy)
    assert Campaign.objects.get(pk=campaign.pk).taxonomy == first
    assert make_campaign(candidates="those that are there").taxonomy == copy


def test_the_admin_copies_makes_current_and_refuses_changes_to_a_frozen_one(client, first):
    client.force_login(User.objects.create_superuser("root"))
    table = reverse("admin:variables_taxonomy_changelist")
    client.post(table, {"action": "copy_as_new_version", "_selected_action": [first.pk]})
    copy = Taxonomy.objects.get(version=2)
    client.post(table, {"action": "make_current", "_selected_action": [copy.pk]})
    assert Taxonomy.objects.get(is_current=True) == copy
    page = reverse("admin:variables_taxonomy_change", args=[copy.pk])
    assert b"may be changed" in client.get(page).content
    vote(make_voter(), make_candidates(1)[0].pk)
    shown = client.get(page)
    assert b"copy it as a new version" in shown.content and b'name="_save"' not in shown.content
    assert client.post(page, {"note": "x"}).status_code == 403
