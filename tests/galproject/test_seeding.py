"""The made-up survey: as large as asked for, coherent, the same each time, and in nobody's way."""

import os
import re
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from benchmarks.seeded_site import maintenance
from exposures.models import GalExposure, GalImage
from exposures.other_database import connected_to
from galproject.demo import first_look
from galproject.demo.seeding import SurveyPlan, seed_survey
from galproject.demo.seeding.plan import SURVEY
from galproject.demo.seeding.stars import make_exposures, make_patches, observe
from galproject.demo.seeding.survey import check_is_free
from galproject.management.commands.seed_demo import Command as Seed
from galproject.processing.matches import references_in_use, unmatched_references
from photometry.models import (
    GalNonDetection,
    GalObject,
    GalObjectSource,
    GalReference,
    GalSource,
)
from photometry.querysets.objects import MatchKind
from tests.builders.processed_night import copied, pictures_in
from tests.builders.survey_rows import make_image
from variables.candidates.repeat_detections import count_repeat_detections
from variables.derived.refresh import refresh_candidates
from variables.models import Campaign, GalCandidate, GalFlag, GalPublishedDiagram, GalVarObj
from variables.models.known import Known
from variables.pictures.cutouts import cutout_layout
from variables.pictures.paths import cutouts_path, picture_path

PLAN = SurveyPlan(300, 5000)
SMALL = {"candidates": 300, "sources": 5000, "pictures": 0}
NAMES = ("reader", "vetter", "curator", "operator")
pytestmark = pytest.mark.django_db


def seed(**options):
    output = StringIO()
    call_command("seed_demo", stdout=output, **SMALL | options)
    return output.getvalue()


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker, tmp_path_factory):
    """What the command says of a survey with pictures, in a database for the tests of this module.

    What a test changes there is rolled back. Tests that seed an empty database come before.
    """
    name, pictures = connection.settings_dict["NAME"], tmp_path_factory.mktemp("seeded")
    with (
        django_db_blocker.unblock(),
        copied(name, f"{name}_seeded_copy"),
        connected_to(f"{name}_seeded_copy"),
        pictures_in(pictures),
    ):
        yield seed(pictures=60)


def test_the_whole_survey_has_the_numbers_of_repeated_detections_that_surveys_have():
    wanted = SurveyPlan().detections()
    assert wanted.sum() == 40_000 and {n: wanted[n] for n in SURVEY} == SURVEY


def test_a_small_survey_is_as_large_as_asked_for_and_says_what_it_holds():
    seed_survey(PLAN)
    refresh_candidates()
    counts = dict(count_repeat_detections())
    assert sum(counts.values()) == pytest.approx(300, abs=5)
    assert counts[1] == pytest.approx(300 * 27_786 / 40_000, abs=3)
    assert GalSource.objects.count() == pytest.approx(5000, rel=0.03)
    for catalogue in GalReference.objects.all():
        rows = GalSource.objects.in_catalogues([catalogue.pk])
        assert rows.reference().count() == catalogue.n_sources
    image = GalImage.objects.searches().first()
    assert image.n_sources == GalSource.objects.measured_on(image).count()
    assert image.n_variables == image.variables.of_reference().filter(failed_cuts=0).count()


def test_a_real_survey_is_left_alone():
    make_image("1")
    with pytest.raises(CommandError, match="not made up"):
        seed()
    assert GalExposure.objects.count() == 1
    assert check_is_free(PLAN, into_existing=True) is False


def test_what_changed_is_what_the_measurements_say_and_in_every_filter(seeded):
    for change in GalVarObj.objects.of_reference().exclude(kind="vanished")[:40]:
        rows = list(GalSource.objects.light_curve(change.refsource_id))
        reference = next(row for row in rows if row.is_reference)
        row = next(row for row in rows if row.galimage_id == change.image_id)
        delta = row.mag - reference.mag
        assert delta == pytest.approx(change.delta_mag, abs=1e-4)
        assert abs(delta) > 15 * np.hypot(row.mag_err, reference.mag_err) * 0.999
    best = max(
        GalVarObj.objects.of_reference()
        .accepted()
        .in_filter("i")
        .values_list("refsource_id", flat=True),
        key=lambda i: GalVarObj.objects.of_source(i).count(),
    )
    here = GalSource.objects.reference().get(refsource_id=best)
    there = GalSource.objects.cone(here.ra, here.dec, 0.5)
    assert {source.filter for source in there} == {"g", "r", "i"}


def test_the_command_does_everything_once(seeded):
    assert all(f"log in as {name}" in seeded for name in NAMES)
    assert "4 campaigns" in seeded and "cutouts of 60 candidates" in seeded
    n_matched = GalObject.objects.filter(
        kind__in=(MatchKind.ONE_TO_ONE, MatchKind.DOUBTFUL)
    ).count()
    assert f"{n_matched:,} stars cross-matched" in seeded
    assert GalObjectSource.objects.count() == GalSource.objects.reference().count()
    assert n_matched > 0.9 * GalObject.objects.count()
    assert "stars of 3 published catalogues matched with 9 references" in seeded
    assert_some_are_known()
    first = sorted(GalVarObj.objects.values_list("ra", "significance"))
    again = seed(pictures=60)
    assert "already" in again
    assert not any(word in again for word in ("with the password", "campaigns", "flagged", "drawn"))
    assert sorted(GalVarObj.objects.values_list("ra", "significance")) == first
    assert_people_and_what_they_said()
    assert_cutouts_show_every_epoch()
    with pytest.raises(CommandError, match="another plan"):
        seed(seed=2)


def assert_some_are_known():
    known = GalCandidate.objects.filter(known=Known.KNOWN)
    assert known.filter(known_name__startswith="OGLE-BLG").exists()
    assert known.exclude(known_class=None).exclude(known_period=None).exists()
    assert GalCandidate.objects.filter(known=Known.NEW).count() > 100
    assert GalCandidate.objects.exclude(colour_mag=None).exclude(absolute_mag=None).exists()
    assert GalPublishedDiagram.objects.count() == 9
    assert not unmatched_references(references_in_use())


def assert_people_and_what_they_said():
    users = User.objects.filter(username__in=NAMES)
    assert {user.groups.get().name for user in users} == {f"{name}s" for name in NAMES}
    assert Campaign.objects.exclude(closed=None).count() == 1
    assert GalCandidate.objects.exclude(consensus=None).exists()
    begun = Campaign.objects.exclude(name=first_look.NAME)
    assert all(campaign.decisions.exists() for campaign in begun)
    states = set(GalFlag.objects.values_list("state", flat=True))
    assert states == {"standing", "undone", "proposed"}


def assert_cutouts_show_every_epoch():
    there = [c for c in GalCandidate.objects.filter(kind="changed") if cutouts_path(c.pk).exists()]
    for one in there:
        measured = [s.galimage_id for s in GalSource.objects.light_curve(one.pk)]
        missed = GalNonDetection.objects.filter(refsource_id=one.pk)
        looked_at = {*measured, *missed.values_list("galimage_id", flat=True)}
        assert set(cutout_layout(one.pk).image_ids) == looked_at - {one.catalogue.image_id}
    assert there
    with Image.open(picture_path(GalImage.objects.references().first().pk)) as picture:
        assert picture.size == (512, 1024)


def test_a_campaign_has_something_of_each_kind(seeded):
    campaign = Campaign.objects.get(name=first_look.NAME)
    assert f"/vetting/{campaign.pk}/vet/: something of each kind" in seeded
    ids = set(campaign.objects_in.values_list("refsource_id", flat=True))
    members = GalCandidate.objects.filter(pk__in=ids)
    assert members.filter(kind="new", n_detections__gt=1).count() >= 2
    changes = GalVarObj.objects.filter(refsource_id__in=ids)
    vanished = set(changes.filter(kind="vanished").values_list("refsource_id", flat=True))
    assert vanished and members.exclude(cause="real").exists()
    real = members.filter(cause="real")
    assert real.filter(star_detections=1).exists() and real.filter(star_detections__gt=2).exists()
    # Each is to be seen: the new not on the reference, the vanished on what it vanished from.
    for pk in ids:
        image_ids = set(cutout_layout(pk).image_ids)
        assert set(changes.filter(refsource_id=pk).values_list("image", flat=True)) <= image_ids
    assert len(first_look.of_each_kind()) >= 5


def test_a_reference_set_of_the_survey_can_be_tried(seeded):
    command = re.search(r"manage.py (reference_set add .* --primary \d+): a reference set", seeded)
    before = GalVarObj.objects.accepted().count()
    call_command(*command[1].split(), stdout=(told := StringIO()))
    n_sources = int(re.search(r"(\d+) sources by several images", told.getvalue())[1])
    n_at_fault = int(re.search(r"(\d+) at fault", told.getvalue())[1])
    assert n_sources > 50 and n_at_fault < 0.1 * n_sources
    # What varies is what was made up, by other means: about as much as before.
    assert GalVarObj.objects.accepted().count() == pytest.approx(before, rel=0.1)


def test_a_survey_in_a_database_of_its_own_is_one_command(monkeypatch):
    """Browser tests run the whole of it."""
    name, commands = f"{connection.settings_dict['NAME']}_seeded"[:60], []
    monkeypatch.setattr(Seed, "manage", lambda self, *words: commands.append(words))
    try:
        for _ in range(2):
            call_command("seed_demo", database=name, candidates=300)
        with maintenance(connection.settings_dict) as cursor:
            cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
            assert cursor.fetchone() == (1,)
    finally:
        with maintenance(connection.settings_dict) as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
    assert [words[:2] for words in commands] == 2 * [(name, "migrate"), (name, "seed_demo")]
    assert "--candidates=300" in commands[1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("robert'); --", "no name for a database"),
        ("", "no name for a database"),
        ("x" * 64, "no name for a database"),
        (None, "the database of the survey itself"),
    ],
)
def test_a_database_that_cannot_be_is_refused(name, reason):
    name = connection.settings_dict["NAME"] if name is None else name
    with pytest.raises(CommandError, match=reason):
        call_command("seed_demo", database=name)


def test_each_database_has_pictures_of_its_own():
    say = "from galproject.settings import GALPROJECT_PICTURES; print(GALPROJECT_PICTURES)"
    one, two = (
        subprocess.check_output(
            [sys.executable, "-c", say],
            cwd=django_settings.BASE_DIR,
            env=os.environ | {"GALPROJECT_PICTURES": "/p", "GALPROJECT_DATABASE": name},
            text=True,
        )
        for name in ("", "two")
    )
    assert (one.strip(), two.strip()) == ("/p", "/p-two")


def test_the_same_plan_makes_the_same_survey():
    made = []
    for _ in range(2):
        exposures = make_exposures(PLAN)
        patch = make_patches(PLAN, exposures)[0]
        made.append(observe(PLAN, patch, exposures, "i").mag)
    assert np.array_equal(*made)


def test_more_candidates_than_sources_are_refused():
    with pytest.raises(CommandError, match="--sources"):
        seed(candidates=3000)
