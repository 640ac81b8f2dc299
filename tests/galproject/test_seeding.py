"""The made-up survey: as large as asked for, coherent, the same each time, and in nobody's way."""

from io import StringIO

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from PIL import Image

from exposures.models import GalExposure, GalImage
from galproject.seeding import Plan, seed_survey
from galproject.seeding.plan import SURVEY
from photometry.models import GalReference, GalSource
from tests.made_up import make_image
from variables.candidates.refresh import refresh_candidates
from variables.models import Campaign, GalCandidate, GalVarObj
from variables.pictures.cutouts import cutout_layout
from variables.pictures.places import picture_path
from variables.repeat_detections import count_repeat_detections

SMALL = {"candidates": 300, "sources": 5000, "pictures": 0}
pytestmark = pytest.mark.django_db


def seed(**options):
    output = StringIO()
    call_command("seed_demo", stdout=output, **SMALL | options)
    return output.getvalue()


def test_the_whole_survey_has_the_numbers_of_repeated_detections_that_surveys_have():
    wanted = Plan().detections()
    assert wanted.sum() == 40_000 and {n: wanted[n] for n in SURVEY} == SURVEY


def test_a_small_survey_is_as_large_as_asked_for():
    seed_survey(Plan(300, 5000))
    refresh_candidates()
    counts = dict(count_repeat_detections())
    assert sum(counts.values()) == pytest.approx(300, abs=5)
    assert counts[1] == pytest.approx(300 * 27_786 / 40_000, abs=3)
    assert GalSource.objects.count() == pytest.approx(5000, rel=0.03)


def test_what_changed_is_what_the_measurements_say():
    seed_survey(Plan(300, 5000))
    for change in GalVarObj.objects.exclude(kind="vanished")[:40]:
        rows = list(GalSource.objects.light_curve(change.refsource_id))
        reference = next(row for row in rows if row.is_reference)
        row = next(row for row in rows if row.galimage_id == change.image_id)
        delta = row.mag - reference.mag
        assert delta == pytest.approx(change.delta_mag, abs=1e-4)
        assert abs(delta) > 15 * np.hypot(row.mag_err, reference.mag_err) * 0.999


def test_a_variable_is_one_in_every_filter():
    seed_survey(Plan(300, 5000))
    best = max(
        GalVarObj.objects.believed().in_filter("i").values_list("refsource_id", flat=True),
        key=lambda i: GalVarObj.objects.of_source(i).count(),
    )
    here = GalSource.objects.reference().get(refsource_id=best)
    there = GalSource.objects.cone(here.ra, here.dec, 0.5)
    assert {source.filter for source in there} == {"g", "r", "i"}


def test_images_and_catalogues_say_what_they_hold():
    seed_survey(Plan(300, 5000))
    for catalogue in GalReference.objects.all():
        rows = GalSource.objects.in_catalogues([catalogue.pk])
        assert rows.reference().count() == catalogue.n_sources
    image = GalImage.objects.searches().first()
    assert image.n_sources == GalSource.objects.measured_on(image).count()
    assert image.n_variables == image.variables.filter(failed_cuts=0).count()


def test_the_same_seed_makes_the_same_survey_once():
    seed()
    first = sorted(GalVarObj.objects.values_list("ra", "significance"))
    assert "already" in seed()
    assert sorted(GalVarObj.objects.values_list("ra", "significance")) == first
    with pytest.raises(CommandError, match="another plan"):
        seed(seed=2)


def test_a_real_survey_is_left_alone():
    make_image("1")
    with pytest.raises(CommandError, match="not made up"):
        seed()
    assert GalExposure.objects.count() == 1
    seed(into_existing=True)
    assert GalExposure.objects.count() > 1


def test_more_candidates_than_sources_are_refused():
    with pytest.raises(CommandError, match="--sources"):
        seed(candidates=3000)


def test_each_person_is_made_once_with_a_password_that_is_told_once():
    output = seed()
    names = ["reader", "vetter", "curator", "operator"]
    assert all(f"log in as {name}" in output for name in names)
    assert User.objects.filter(username__in=names).count() == 4
    assert "password" not in seed()


def test_campaigns_are_begun_once_and_one_is_closed():
    assert "3 campaigns" in seed()
    assert "campaigns" not in seed()
    assert Campaign.objects.exclude(closed=None).count() == 1
    assert GalCandidate.objects.exclude(consensus=None).exists()
    assert all(campaign.decisions.exists() for campaign in Campaign.objects.all())


def test_pictures_are_drawn_once_and_show_every_epoch(settings, tmp_path):
    settings.GALPROJECT_PICTURES = tmp_path
    assert "cutouts of 5 candidates" in seed(pictures=5)
    assert "drawn" not in seed(pictures=5)
    best = GalCandidate.objects.visible().order_by("-n_detections", "pk").first()
    layout = cutout_layout(best.pk)
    assert len(layout.image_ids) == best.n_epochs - 1
    changed = set(GalVarObj.objects.of_source(best.pk).values_list("image_id", flat=True))
    assert changed & set(layout.image_ids)
    image = GalImage.objects.references().first()
    with Image.open(picture_path(image.pk)) as picture:
        assert picture.width == image.width // 4 + 1
