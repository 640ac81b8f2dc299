"""Favourites of a person, and tags of a person or shared by all; and lists by them."""

import numpy as np
import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.builders.campaigns import ids_of, make_campaign, make_user, make_voter, vote
from tests.builders.candidates import make_candidates
from variables.labels import marking
from variables.labels.marking import LabelError, marks_on, rename_tag, set_favourite, tag
from variables.models import GalFavourite, GalTag, GalTagging, GalUnblinding, labels
from variables.replacements.annotations import transfer_annotations

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids():
    return [one.pk for one in make_candidates(4)]


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def listed(user, **query):
    """Ids of the candidates that the API's list has for somebody."""
    answer = client_of(user).get("/api/candidates/", query)
    return {row["refsource_id"] for row in answer.json()["results"]}


def names_on(pk, user):
    return [one.tag.name for one in marks_on([pk], user)[pk].taggings]


def make_curator():
    curator = make_voter()
    curator.user_permissions.add(Permission.objects.get(codename="change_galtag"))
    return curator


def test_a_favourite_is_set_and_taken_off_and_is_nobody_elses(ids):
    ann, bob = make_user(), make_user()
    client, address = client_of(ann), reverse("favourite", args=[ids[0]])
    answers = [client.post(address, said).json() for said in ({}, {"wanted": "1"})]
    assert answers == [{"favourite": True}] * 2 and GalFavourite.objects.count() == 1
    assert listed(ann, favourite="me") == {ids[0]} and listed(bob, favourite="me") == set()
    page = client.get(reverse("candidates"), {"favourite": "me"}).content.decode()
    assert page.count('aria-pressed="true"') == 1
    assert client.post(address).json() == {"favourite": False}
    assert listed(ann, favourite="me") == set()


def test_a_person_has_only_so_many_favourites_as_a_list_looks_up_at_once(ids, monkeypatch):
    monkeypatch.setattr(marking, "MOST_FAVOURITES", 2)
    ann = make_user()
    set_favourite(ann, ids[0])
    set_favourite(ann, ids[1])
    with pytest.raises(LabelError, match="2 favourites"):
        set_favourite(ann, ids[2])
    refused = client_of(ann).post(reverse("favourite", args=[ids[2]]))
    assert refused.status_code == 409 and "favourites" in refused.json()["error"]


@pytest.mark.parametrize("many", [0, 5000])
def test_lists_find_ones_own_tags_and_shared_ones(ids, monkeypatch, many):
    monkeypatch.setattr("variables.candidates.filters.MANY_TAGGED", many)
    ann, bob = make_voter(), make_voter()
    tag(ann, ids[0], "Spectra  wanted", shared=False)
    tag(bob, ids[1], "spectra wanted", shared=False)
    tag(bob, ids[2], "spectra wanted", shared=True)
    tag(bob, ids[3], "blends", shared=True)
    assert listed(ann, tag="spectra Wanted") == {ids[0], ids[2]}
    assert listed(bob, tag="spectra wanted") == {ids[1], ids[2]}
    assert listed(ann, tag="spectra wanted", favourite="me") == set()
    assert listed(ann, tag="nothing has this") == set()
    assert names_on(ids[1], ann) == [] and names_on(ids[2], ann) == ["spectra wanted"]


@pytest.mark.parametrize("many", [0, 5000])
def test_shared_tags_of_others_are_blind_in_an_open_campaign(monkeypatch, many):
    monkeypatch.setattr("variables.candidates.filters.MANY_TAGGED", many)
    campaign = make_campaign(3)
    pk = ids_of(campaign)[0]
    ann, bob = make_voter("ann"), make_voter("bob")
    tag(ann, pk, "surely rr lyrae", shared=True)
    tag(bob, ids_of(campaign)[1], "surely rr lyrae", shared=True)
    page = reverse("candidate", args=[pk])
    # The name is offered, as the other candidate has it from bob himself.
    shown = 'class="tag"'
    assert shown not in client_of(bob).get(page).content.decode()
    assert listed(bob, tag="surely rr lyrae") == {ids_of(campaign)[1]}
    rows = {one.name: one.n for one in marking.tags_with_numbers(bob)}
    assert rows == {"surely rr lyrae": 1}
    found = GalTagging.objects.get(refsource_id=pk)
    gone = reverse("untag_candidate", args=[found.pk])
    assert client_of(bob).post(gone).status_code == 404
    vote(bob, pk, "flare", campaign)
    assert not GalUnblinding.objects.exists()
    assert shown in client_of(bob).get(page).content.decode()
    assert listed(bob, tag="surely rr lyrae") == set(ids_of(campaign)[:2])
    assert GalUnblinding.objects.filter(user=bob, refsource_id=pk).exists()


def test_whoever_set_a_tag_or_a_curator_takes_it_off(ids):
    ann, bob = make_voter("ann"), make_voter("bob")
    client_of(ann).post(reverse("tag_candidate", args=[ids[0]]), {"name": "dust", "for": "all"})
    gone = reverse("untag_candidate", args=[GalTagging.objects.get().pk])
    refused = client_of(bob).post(gone, follow=True)
    assert "ann set this tag" in refused.content.decode() and GalTagging.objects.exists()
    client_of(make_curator()).post(gone)
    assert not GalTagging.objects.exists()


def test_who_may_not_vote_tags_for_themselves_alone(ids):
    reader = client_of(make_user())
    address = reverse("tag_candidate", args=[ids[0]])
    assert reader.post(address, {"name": "dust", "for": "all"}).status_code == 403
    assert reader.post(address, {"name": "dust", "for": "me"}).status_code == 302
    assert GalTag.objects.get().owner is not None


def test_a_tag_that_gets_the_name_of_another_is_merged_into_it(ids):
    ann = make_voter()
    for pk in ids[:2]:
        tag(ann, pk, "blend", shared=True)
    for pk in ids[1:3]:
        tag(ann, pk, "blends", shared=True)
    mine = tag(ann, ids[3], "blends", shared=False).tag
    wrong = GalTag.objects.get(name="blends", owner=None)
    assert client_of(ann).post(reverse("rename_tag", args=[wrong.pk])).status_code == 403
    curator = client_of(make_curator())
    curator.post(reverse("rename_tag", args=[wrong.pk]), {"name": "Blend"})
    (left,) = GalTag.objects.filter(owner=None)
    assert left.name == "blend"
    assert set(left.taggings.values_list("refsource_id", flat=True)) == set(ids[:3])
    assert rename_tag(mine, "close pair").name == "close pair"
    assert curator.post(reverse("delete_tag", args=[mine.pk])).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "x" * 31, "<b>", "a&b"])
def test_a_tag_is_a_short_word(ids, name):
    with pytest.raises(LabelError, match="short word"):
        tag(make_voter(), ids[0], name, shared=True)


def test_favourites_and_tags_follow_a_source_to_its_replacement_once(ids):
    ann = make_voter()
    old, new = ids[:2]
    for pk in (old, new):
        set_favourite(ann, pk)
        tag(ann, pk, "dust", shared=True)
    tag(ann, old, "new", shared=True)
    transfer_annotations(np.array([old]), np.array([new]))
    assert listed(ann, favourite="me") == {new}
    assert names_on(new, ann) == ["dust", "new"]
    assert labels.GalFavourite.objects.filter(refsource_id=new).count() == 1
