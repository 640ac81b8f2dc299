"""Detections that the reference does not have: associated where they stay, left alone where not."""

from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exposures.source_ids import catalogue_of
from photometry.models import GalReference, GalSource
from photometry.science.detection.residual_peaks import NewStars
from photometry.science.forced.forced import SHARP
from photometry.storage import storage
from photometry.storage.columns import SOURCE_DTYPE
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.new_detections import make_detection
from variables.derived.refresh import refresh_candidates
from variables.models import Cut, GalCandidate, GalNewDetection, GalNewSource, GalVarObj
from variables.models.causes import Cause
from variables.new_sources.association import lock_new_sources, replace_new_detections
from variables.new_sources.detection import cuts_by_reference, failed_cuts_of_new_stars
from variables.new_sources.saving import save_columns
from variables.new_sources.standing import add_missed
from variables.science.new_sources import NewSourceOptions

pytestmark = pytest.mark.django_db

RA, DEC = 266.0, -29.0
ARCSEC = 1 / 3600


def detection(catalogue, east=0.0, north=0.0, **columns):
    """An accepted detection some arcseconds from RA, DEC."""
    ra, dec = RA + east * ARCSEC / np.cos(np.radians(DEC)), DEC + north * ARCSEC
    place = {"ra": ra, "dec": dec, "reference_x": 500.0 + east / 0.263}
    return make_detection(catalogue, **place | columns)


def see(catalogue, mjd, *detections, image=None, options=NewSourceOptions()):
    """An epoch with detections, stored as the pipeline does it."""
    image = image or add_epoch(catalogue, mjd)
    lock_new_sources([image], detections)
    replace_new_detections(image, list(detections), options)
    add_missed(catalogue, options)
    refresh_candidates([catalogue.pk])
    return image


@pytest.fixture
def catalogue():
    return make_catalogue(30, ra=RA, dec=DEC)


def test_what_is_seen_again_in_its_place_becomes_a_candidate_of_kind_new(catalogue):
    see(catalogue, 60001.0, detection(catalogue, east=0.1))
    assert not GalCandidate.objects.exists()
    see(catalogue, 60002.0, detection(catalogue, east=-0.1, mag=19.5))
    candidate = GalCandidate.objects.get()
    assert candidate.kind == GalCandidate.Kind.NEW
    assert (candidate.n_detections, candidate.n_epochs) == (2, 2)
    assert candidate.reference_mag is None
    assert (candidate.ra - RA) * 3600 == pytest.approx(0, abs=1e-3)
    assert candidate.x == pytest.approx(500, abs=0.01)
    assert catalogue_of(candidate.pk) == catalogue.pk
    light_curve = GalSource.objects.light_curve(candidate.pk)
    assert [row.mag for row in light_curve] == [20.0, 19.5]
    assert not any(row.is_reference for row in light_curve)


def test_the_reference_keeps_its_sources_and_no_id_is_used_twice(catalogue):
    reference_ids = set(storage.catalogue_sources(catalogue)["refsource_id"].tolist())
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, *(detection(catalogue, north=5.0 * k) for k in range(4)))
    new = set(GalNewSource.objects.values_list("pk", flat=True))
    assert new == {catalogue.id_range[0] + len(reference_ids) + k for k in range(4)}
    assert not new & reference_ids
    kept = storage.catalogue_sources(catalogue)
    assert set(kept["refsource_id"].tolist()) == reference_ids
    assert GalReference.objects.get(pk=catalogue.pk).n_sources == len(reference_ids)


@pytest.mark.parametrize("arcsec_an_hour", [30.0, 3.0])
def test_moving_objects_stay_detections(catalogue, arcsec_an_hour):
    """A body of the main belt, and one beyond Neptune, also where exposures follow at once."""
    hours = np.array([0.0, 0.02, 1.0, 24.0, 24.02, 48.0])
    for hour in hours:
        moved = detection(catalogue, east=arcsec_an_hour * hour)
        see(catalogue, 60001.0 + hour / 24, moved)
    assert GalNewDetection.objects.alone().count() == len(hours)
    assert not GalNewSource.objects.exists()
    assert not GalCandidate.objects.exists()


def test_a_flash_on_one_exposure_stays_a_detection(catalogue):
    see(catalogue, 60001.0, detection(catalogue))
    for mjd in (60002.0, 60003.0):
        see(catalogue, mjd)
    assert GalNewDetection.objects.alone().count() == 1
    assert not GalCandidate.objects.exists()


def test_what_a_listed_star_at_a_wrong_place_explains_is_cut_as_blended():
    columns = {name: np.ones(2) for name in NewStars.__dataclass_fields__}
    columns |= {"displacement": np.array([0.05, np.inf]), "flags": np.zeros(2, int)}
    columns |= {"saturated_distance": np.full(2, np.inf)}
    assert failed_cuts_of_new_stars(NewStars(**columns)).tolist() == [Cut.BLENDED, 0]


def test_less_displacement_will_do_where_the_reference_tells_what_it_has_in_the_place():
    columns = {name: np.ones(2) for name in NewStars.__dataclass_fields__}
    columns |= {"displacement": np.array([0.05, 0.075]), "flags": np.zeros(2, int)}
    stars = NewStars(**columns | {"saturated_distance": np.full(2, np.inf)})
    for has_residual, expected in ((False, [Cut.BLENDED] * 2), (True, [Cut.BLENDED, 0])):
        cuts = failed_cuts_of_new_stars(stars, has_residual=has_residual)
        assert cuts.tolist() == expected


def test_what_lies_beside_a_cosmic_ray_that_the_reference_lists_is_cut():
    """There the reference gave the light of stars beside it to the cosmic ray."""
    stars = SimpleNamespace(x=np.array([102.0, 102.0, 102.0]), y=np.array([100.0, 200.0, 300.0]))
    sources = np.zeros(3, SOURCE_DTYPE)
    sources["flags"], sources["rchi2"] = [SHARP, 0, 0], [1.0, 50.0, 1.0]
    listed = SimpleNamespace(
        x=np.full(3, 100.0), y=np.array([100.0, 200.0, 300.0]), sources=sources
    )
    bad = Cut.REFERENCE_RCHI2
    assert cuts_by_reference(stars, listed, fwhm_pixels=4.0).tolist() == [bad, bad, 0]
    assert cuts_by_reference(stars, listed, fwhm_pixels=1.0).tolist() == [0, 0, 0]


def test_what_fails_a_cut_makes_no_source_but_is_counted_with_one(catalogue):
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue, failed_cuts=1))
    assert not GalNewSource.objects.exists()
    for mjd in (60003.0, 60004.0):
        see(catalogue, mjd, detection(catalogue))
    candidate = GalCandidate.objects.get()
    assert (candidate.n_detections, candidate.n_changes) == (2, 4)


def test_a_second_run_leaves_what_one_left_and_an_image_forgotten_leaves_nothing(catalogue):
    images = [see(catalogue, mjd, detection(catalogue)) for mjd in (60001.0, 60002.0)]
    before = GalCandidate.objects.values().get()
    # As the pipeline does it: the image's rows go first.
    storage.replace_measurements(images[1], storage.catalogue_sources(catalogue))
    GalVarObj.objects.filter(image=images[1]).delete()
    see(catalogue, None, detection(catalogue), image=images[1])
    again = GalCandidate.objects.values().get()
    assert {k: v for k, v in again.items() if k != "refreshed"} == {
        k: v for k, v in before.items() if k != "refreshed"
    }
    assert GalSource.objects.light_curve(again["refsource_id"]).count() == 2
    see(catalogue, None, image=images[1])
    assert not GalCandidate.objects.exists()
    assert GalNewDetection.objects.count() == 1
    see(catalogue, None, detection(catalogue), image=images[1])
    assert GalCandidate.objects.get().pk == before["refsource_id"]


def test_a_star_on_every_image_is_one_that_the_reference_missed(catalogue):
    options = NewSourceOptions(add=False)
    for k in range(6):
        nova = [detection(catalogue, north=20.0)] if k >= 3 else []
        see(catalogue, 60001.0 + k, detection(catalogue), *nova, options=options)
    causes = dict(GalCandidate.objects.values_list("n_detections", "cause"))
    assert causes == {6: Cause.MISSING, 3: Cause.REAL}
    assert set(GalCandidate.objects.values_list("n_epochs", flat=True)) == {6}


def test_sources_go_with_their_catalogue(catalogue):
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    storage.drop_catalogue(catalogue)
    assert not GalNewSource.objects.exists()
    assert not GalNewDetection.objects.exists()
    assert not GalVarObj.objects.exists()


def test_positions_match_across_the_first_meridian():
    catalogue = make_catalogue(10, ra=0.0, dec=0.0)
    for mjd, ra in ((60001.0, 0.02 * ARCSEC), (60002.0, 360 - 0.02 * ARCSEC)):
        see(catalogue, mjd, detection(catalogue, ra=ra, dec=0.0))
    ra = GalNewSource.objects.get().ra
    assert 0 <= ra < 360
    assert (ra + 180) % 360 - 180 == pytest.approx(0, abs=1e-7)


def test_positions_on_both_sides_of_the_pole_have_their_mean_on_it():
    catalogue = make_catalogue(10, ra=0.0, dec=90.0)
    for mjd, ra in ((60001.0, 10.0), (60002.0, 190.0)):
        see(catalogue, mjd, detection(catalogue, ra=ra, dec=90 - 0.1 * ARCSEC))
    assert GalNewSource.objects.get().dec == pytest.approx(90, abs=0.01 * ARCSEC)


def test_how_far_apart_in_time_is_an_option(catalogue):
    images = [add_epoch(catalogue, mjd) for mjd in (60001.0, 60001.01)]
    for image in images:
        replace_new_detections(image, [detection(catalogue)], NewSourceOptions(min_days=0.005))
    assert GalNewSource.objects.count() == 1


def test_repeat_detections_names_the_new(catalogue):
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    out = StringIO()
    call_command("repeat_detections", stdout=out)
    assert "of these, 1 is new: not on the reference" in out.getvalue()


def test_columns_of_many_sources_are_saved_with_lists_of_any_length(catalogue):
    made = GalNewSource.objects.bulk_create(
        GalNewSource(refsource_id=pk, catalogue=catalogue, ra=RA, dec=DEC, x=1.0, y=1.0)
        for pk in range(*catalogue.id_range, 1 << 18)
    )
    saved = [[], [1, 2, 3], [7], [2**40, 3]]
    for k, (source, images) in enumerate(zip(made, saved, strict=True)):
        source.added_images, source.excess, source.state = images, 0.5 * k, "missed"
    with CaptureQueriesContext(connection) as queries:
        save_columns(made, ("added_images", "excess", "state"))
    assert len(queries) == 1
    rows = GalNewSource.objects.order_by("pk").values_list("added_images", "excess", "state")
    assert list(rows) == [(images, 0.5 * k, "missed") for k, images in enumerate(saved)]
