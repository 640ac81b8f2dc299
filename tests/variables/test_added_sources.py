"""Stars that a reference missed become sources of it; what it didn't have stays new."""

from datetime import UTC, datetime
from functools import partial
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse

from exposures.errors import GalprojectError
from exposures.models import GalExposure, GalImage
from galproject.export.positions import Positions
from photometry.models import GalReference, GalSource
from photometry.reduction.added_sources import is_added
from photometry.science.detection.peak_fit import Residual
from photometry.science.psf.psf import ChipPsf
from photometry.science.reference_residual import ReferenceResidual
from photometry.storage import storage
from photometry.storage.left_over import (
    LEFT_OVER_DTYPE,
    catalogues_with_residual,
    left_over_of,
    residual_of,
    store_left_over,
)
from tests.builders.campaigns import make_voter, vote
from tests.builders.candidates import add_epoch, make_catalogue, make_change
from tests.builders.processes import in_processes
from tests.variables.test_new_sources import DEC, RA, detection, see
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalNewDetection, GalNewSource, GalVarObj
from variables.new_sources import on_reference
from variables.new_sources.association import lock_new_sources, replace_new_detections
from variables.new_sources.decisions import add, take_back
from variables.new_sources.standing import add_missed

pytestmark = pytest.mark.django_db
State = GalNewSource.State


def left_over(*mags, north=0.0, significance=8.0):
    """What a reference left over: stars of magnitudes, each 10 arcsec north of the one before."""
    rows = np.zeros(len(mags), LEFT_OVER_DTYPE)
    rows["ra"], rows["dec"] = RA, DEC + (north + 10.0 * np.arange(len(mags))) / 3600
    rows["mag"] = mags
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - 30.0))
    rows["flux_err"] = rows["flux"] / significance
    rows["mag_err"], rows["quality"], rows["rchi2"], rows["fracflux"] = 0.1, 1.0, 1.0, 0.5
    return rows


@pytest.fixture
def catalogue():
    return make_catalogue(30, ra=RA, dec=DEC)


def rows_of_reference(catalogue):
    return storage.catalogue_sources(catalogue)


def test_what_a_reference_left_over_is_stored_as_it_was(catalogue):
    rows = left_over(20.0, 21.0, 22.0)
    store_left_over(catalogue, rows)
    assert np.array_equal(left_over_of(catalogue), rows)
    assert left_over_of(make_catalogue(5, ra=RA + 1)) is None


def test_a_star_that_the_reference_left_over_is_added_and_a_nova_is_new(catalogue):
    """Both are as bright, and seen as often: the reference tells which it had."""
    store_left_over(catalogue, left_over(20.1))
    before = rows_of_reference(catalogue)
    images = [
        see(catalogue, mjd, detection(catalogue), detection(catalogue, north=5.0))
        for mjd in (60001.0, 60002.0)
    ]
    missed, nova = GalNewSource.objects.order_by("dec")
    assert (missed.state, nova.state) == (State.ADDED, State.NEW)
    assert nova.excess > 7 > missed.excess
    assert missed.added_images == [image.pk for image in images]
    assert missed.added is not None
    assert missed.added_by == ""
    assert GalCandidate.objects.get().pk == nova.pk
    after = rows_of_reference(catalogue)
    assert after[:-1].tobytes() == before.tobytes()  # nothing of the others changes
    assert after[-1]["refsource_id"] == missed.pk
    assert is_added(after).tolist() == [False] * len(before) + [True]
    assert after[-1]["mag"] == pytest.approx(20.1)  # as it was measured on the reference
    history = GalSource.objects.light_curve(missed.pk)
    assert [row.is_reference for row in history] == [True, False, False]


def residual_with(*stars, shape=(60, 1100)):
    """A reference's residual with stars of magnitudes at places x, 20, of noise 1 ADU."""
    psf = ChipPsf.round(4.0)
    data = np.random.default_rng(3).normal(0, 1, shape)
    for x, mag in stars:
        column, half = round(x), 8
        stamp = psf.stamps(np.array([x]), np.array([20.0]), 2 * half + 1)[0]
        box = np.s_[20 - half : 21 + half, column - half : column + half + 1]
        data[box] += 10 ** (-0.4 * (mag - 27.0)) * stamp
    plain = np.zeros(shape, "f4")
    return ReferenceResidual.of(
        Residual(data, plain + 1, plain.astype("u1"), plain), psf, 27.0, 2.0
    )


def test_the_residual_of_a_reference_is_stored_as_it_was(catalogue):
    residual = residual_with((500.0, 20.0))
    store_left_over(catalogue, left_over(), residual)
    again = residual_of(catalogue)
    assert np.array_equal(again.levels, residual.levels)
    assert np.array_equal(again.noise_levels, residual.noise_levels)
    assert (again.least_noise, again.zero_point) == (residual.least_noise, 27.0)
    assert again.psf.stamps(np.ones(1), np.ones(1), 9) == pytest.approx(
        residual.psf.stamps(np.ones(1), np.ones(1), 9)
    )
    assert residual_of(make_catalogue(5, ra=RA + 1)) is None


def test_catalogues_whose_reference_is_asked_are_those_with_a_residual(catalogue):
    other = make_catalogue(5, ra=RA + 1)
    store_left_over(catalogue, left_over(), residual_with((500.0, 20.2)))
    store_left_over(other, left_over())
    assert catalogues_with_residual([catalogue.image, other.image]) == {catalogue.pk}
    assert catalogues_with_residual([other.image]) == set()


def test_a_star_in_the_pixels_of_the_reference_that_was_no_peak_of_its_own_is_added(catalogue):
    """A blend of which the list took one for both; beside it a nova of the same brightness."""
    store_left_over(catalogue, left_over(), residual_with((500.0, 20.2)))
    nova = {"north": 5.0, "reference_x": 800.0}
    for mjd in (60001.0, 60002.0):
        here = {"reference_y": 20.0, "mag": 20.0}
        see(catalogue, mjd, detection(catalogue, **here), detection(catalogue, **here | nova))
    missed, new = GalNewSource.objects.order_by("dec")
    assert (missed.state, new.state) == (State.ADDED, State.NEW)
    light = 10 ** (-0.4 * (20.2 - 25))
    assert missed.reference_flux == pytest.approx(light, abs=4 * missed.reference_flux_err)
    assert new.reference_flux == pytest.approx(0, abs=4 * new.reference_flux_err)
    assert GalCandidate.objects.get().pk == new.pk


def test_a_reference_is_measured_once_in_the_place_of_a_new_source(catalogue, monkeypatch):
    store_left_over(catalogue, left_over(), residual_with())
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue, reference_y=20.0))
    monkeypatch.setattr(on_reference, "residual_of", None)
    see(catalogue, 60003.0, detection(catalogue, reference_y=20.0))
    assert GalNewSource.objects.get().state == State.NEW


def test_what_is_little_brighter_than_what_was_left_over_waits(catalogue):
    """No nova, as the difference is not significant, and no star that was as bright before."""
    store_left_over(catalogue, left_over(21.2, significance=4.0))
    faint = {"mag": 20.3, "significance": 6.0}
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue, **faint))
    assert GalNewSource.objects.get().state == State.WAITING
    assert not GalCandidate.objects.exists()
    assert not GalVarObj.objects.exists()
    see(catalogue, 60003.0, detection(catalogue, mag=18.0, significance=30.0))
    assert GalNewSource.objects.get().state == State.NEW


def test_light_is_looked_for_farther_off_where_the_reference_is_more_blurred(catalogue):
    store_left_over(catalogue, left_over(20.0, north=2.0))
    for fwhm, state in ((1.0, State.NEW), (10.0, State.ADDED)):
        GalImage.objects.filter(pk=catalogue.image_id).update(fwhm_arcsec=fwhm)
        blurred = GalReference.objects.get(pk=catalogue.pk)
        for mjd in (60001.0, 60002.0):
            see(blurred, mjd + fwhm, detection(catalogue))
        assert GalNewSource.objects.get().state == state


def test_one_detection_is_believed_only_if_it_is_bright(catalogue):
    store_left_over(catalogue, left_over(20.0, north=40.0))
    bright = detection(catalogue, north=5.0, significance=120.0)
    see(catalogue, 60001.0, detection(catalogue, significance=20.0), bright)
    candidate = GalCandidate.objects.get()
    assert (candidate.kind, candidate.n_detections) == (GalCandidate.Kind.NEW, 1)
    assert GalNewDetection.objects.alone().count() == 1
    see(catalogue, 60001.3)
    assert not GalCandidate.objects.exists()  # it moved on, or flashed
    see(catalogue, 60010.0, detection(catalogue, north=5.0))
    assert GalCandidate.objects.get().n_detections == 2


def test_without_what_was_left_over_a_steady_star_on_nearly_all_images_is_added(catalogue):
    """On a reference of an earlier version; what varies stays new."""
    for k in range(5):
        varying = detection(catalogue, north=5.0, mag=20.0 + 0.5 * (k % 2))
        see(catalogue, 60001.0 + k, detection(catalogue), varying)
    steady, varying = GalNewSource.objects.order_by("dec")
    assert (steady.state, varying.state) == (State.ADDED, State.NEW)
    row = rows_of_reference(catalogue)[-1]
    assert row["mag"] == pytest.approx(20.0, abs=1e-3)
    assert row["flags"] & 2  # without a value of its own on the reference


def test_one_that_people_voted_on_is_not_added(catalogue):
    for k in range(6):
        see(catalogue, 60001.0 + k, detection(catalogue))
        if k == 1:
            vote(make_voter(), GalNewSource.objects.get().pk)
    assert GalNewSource.objects.get().state == State.NEW


def test_an_added_source_is_not_added_twice_and_stays_when_its_detections_go(catalogue):
    store_left_over(catalogue, left_over(20.0))
    images = [see(catalogue, mjd, detection(catalogue)) for mjd in (60001.0, 60002.0, 60003.0)]
    source = GalNewSource.objects.get()
    # As it is once the image is processed again: the forced fit has the star.
    storage.replace_measurements(images[0], rows_of_reference(catalogue))
    see(catalogue, None, image=images[0])
    assert GalNewSource.objects.get() == source
    assert (rows_of_reference(catalogue)["refsource_id"] == source.pk).sum() == 1
    assert GalSource.objects.light_curve(source.pk).count() == 4


def test_people_take_back_and_add(catalogue):
    store_left_over(catalogue, left_over(20.0))
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    source = GalNewSource.objects.get()
    before = rows_of_reference(catalogue)
    take_back([source.pk])
    assert len(rows_of_reference(catalogue)) == len(before) - 1
    assert GalCandidate.objects.get().kind == GalCandidate.Kind.NEW
    see(catalogue, 60003.0, detection(catalogue))
    source.refresh_from_db()
    assert (source.state, source.is_kept_out) == (State.NEW, True)
    add([source.pk], by="ana")
    source.refresh_from_db()
    assert (source.state, source.added_by) == (State.ADDED, "ana")
    assert rows_of_reference(catalogue).tobytes() == before.tobytes()
    assert not GalCandidate.objects.exists()
    with pytest.raises(GalprojectError, match="no new source whose state is waiting or new"):
        add([source.pk], by="ana")


def test_the_command_lists_takes_back_and_adds(catalogue):
    store_left_over(catalogue, left_over(20.0))
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue))
    source = GalNewSource.objects.get()
    out = StringIO()
    call_command("added_sources", stdout=out)
    assert str(source.pk) in out.getvalue()
    assert f"{datetime.now(UTC):%Y-%m-%d}" in out.getvalue()
    call_command("added_sources", take_back=[source.pk], stdout=out)
    assert not GalNewSource.objects.added().exists()
    call_command("added_sources", add=[source.pk], stdout=out)
    assert GalNewSource.objects.added().exists()


def test_the_tables_list_what_was_added_and_taken_back_by_catalogue(catalogue, admin_client):
    store_left_over(catalogue, left_over(20.0, 20.0))
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue), detection(catalogue, north=10.0))
    first, second = GalNewSource.objects.added().order_by("pk")
    take_back([second.pk])
    exposure = GalExposure.objects.filter(images__in=first.added_images).first()
    address = reverse("admin:variables_galnewsource_changelist")

    def listed(words):
        """Ids of the sources in the list that a search leaves."""
        page = admin_client.get(address, {"q": words})
        assert (exposure.identifier in page.content.decode()) == (first.pk in ids_in(page))
        return ids_in(page)

    assert listed("") == listed(str(catalogue.pk)) == [first.pk, second.pk]
    assert listed(str(second.pk)) == [second.pk]
    assert listed(str(catalogue.pk + 1)) == listed("x") == []
    page = admin_client.get(reverse("admin:variables_galnewsource_change", args=[first.pk]))
    assert exposure.identifier in page.content.decode()


def ids_in(page):
    return [source.pk for source in page.context["cl"].result_list]


@pytest.mark.django_db(transaction=True)
def test_two_worker_processes_that_store_images_at_once_add_a_star_once():
    catalogue = make_catalogue(30, ra=RA, dec=DEC)
    store_left_over(catalogue, left_over(20.0, 20.0))
    with transaction.atomic():
        see(catalogue, 60001.0, detection(catalogue), detection(catalogue, north=10.0))
    images = [add_epoch(catalogue, mjd) for mjd in (60002.0, 60003.0)]

    def store(image):
        detections = [detection(catalogue), detection(catalogue, north=10.0)]
        with transaction.atomic():
            lock_new_sources([image], detections)
            replace_new_detections(image, detections)
        add_missed(catalogue)

    assert GalNewSource.objects.count() == 0
    in_processes(*(partial(store, image) for image in images))
    assert GalNewSource.objects.added().count() == 2
    added = rows_of_reference(catalogue)
    assert is_added(added).sum() == 2
    assert len(set(added["refsource_id"].tolist())) == len(added) == 32
    for source in GalNewSource.objects.all():
        assert GalSource.objects.light_curve(source.pk).count() == 4


def test_an_export_has_an_added_source_once(catalogue):
    store_left_over(catalogue, left_over(20.0))
    for mjd in (60001.0, 60002.0):
        see(catalogue, mjd, detection(catalogue), detection(catalogue, north=5.0))
    ids = Positions.of(catalogue).refsource_id.tolist()
    assert len(ids) == len(set(ids)) == 32


def test_the_page_of_a_changed_star_tells_when_and_by_which_exposures_it_was_added(
    catalogue, client
):
    store_left_over(catalogue, left_over(20.0))
    images = [see(catalogue, mjd, detection(catalogue)) for mjd in (60001.0, 60002.0)]
    source = GalNewSource.objects.get()
    row = rows_of_reference(catalogue)[-1]
    make_change(add_epoch(catalogue, 60003.0), row, -1.0)
    refresh_candidates([catalogue.pk])
    assert GalCandidate.objects.get(pk=source.pk).kind == GalCandidate.Kind.CHANGED
    client.force_login(make_voter())
    page = client.get(reverse("candidate", args=[source.pk])).content.decode()
    assert "which missed it" in page
    for image in images:
        assert image.exposure.identifier in page
