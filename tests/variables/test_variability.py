"""The statistics of a catalogue's sources, from table to table."""

import numpy as np
import pytest

from exposures.locks import Claimed
from photometry.models import GalReference
from photometry.storage import storage
from photometry.storage.binary_copy import copy_in
from photometry.storage.storage import drop_catalogue
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.survey_rows import make_image, make_sources
from variables.models import GalVariability, GalVariabilityRun, VariabilityFlag
from variables.science.variability.options import VariabilityOptions
from variables.variability.curves import read_curves
from variables.variability.measuring import is_measured, measure_variability

N, OPTIONS = 30, VariabilityOptions()


def add_epoch(catalogue, mjd, rng, **columns):
    """A search image with noise about the reference; ``columns`` change its rows."""
    rows = storage.catalogue_sources(catalogue)
    rows["mag"] += rng.normal(0, 0.02, len(rows))
    for name, change in columns.items():
        change(rows[name])
    image = make_image(f"search {mjd}", mjd=mjd, correction={"error_scale": 1.0})
    positive = rows["flux"] > 0
    storage.replace_measurements(image, rows[positive], rows[~positive])
    return image


@pytest.fixture
def field(db):
    """A catalogue and seven search images, later ones first."""
    image = make_image("reference", is_reference=True, mjd=60000.0)
    catalogue = storage.create_catalogue(image, make_sources(N), {}, "test")
    catalogue.refresh_from_db()
    rng = np.random.default_rng(1)
    for day in (7, 6, 5, 4, 3, 2, 1):
        add_epoch(catalogue, 60000.0 + day, rng)
    return catalogue


def test_every_source_gets_statistics_of_all_its_epochs(field):
    measured = measure_variability(field)
    assert (measured.n_images, measured.n_sources) == (8, N)
    stored = GalVariability.objects.order_by("refsource_id")
    assert [s.n_epochs for s in stored] == [8] * N
    curves = read_curves(field)
    assert np.array_equal(curves.mjd, 60000 + np.arange(8.0)) and curves.filter == "i"
    for star in stored[:5]:
        mag = curves.mag[star.refsource_id - curves.refsource_id[0]].astype("f8")
        assert star.mean_mag == pytest.approx(mag.mean(), abs=1e-5)
        assert star.range_mag == pytest.approx(np.subtract(*np.percentile(mag, (95, 5))), abs=1e-5)


def test_bad_measurements_do_not_count(field):
    rng = np.random.default_rng(2)

    def spoil(values):
        values[0] = 16 if values.dtype.kind == "i" else 0.1

    add_epoch(field, 60010.0, rng, flags=spoil)
    add_epoch(field, 60011.0, rng, quality=spoil)
    measure_variability(field)
    n_epochs = GalVariability.objects.order_by("pk").values_list("n_epochs", flat=True)
    assert list(n_epochs) == [8] + [10] * (N - 1)


def test_sources_with_few_epochs_have_no_row(field):
    measure_variability(field, VariabilityOptions(min_epochs=9))
    assert not GalVariability.objects.exists()
    assert GalVariabilityRun.objects.get().n_sources == 0


def test_doubted_images_do_not_count(field):
    image = add_epoch(field, 60010.0, np.random.default_rng(2))
    measure_variability(field)
    image.is_doubted = True
    image.save()
    assert measure_variability(field).n_images == 8


def test_what_was_missed_counts_with_its_flux(field):
    """Its error is that of the upper limit, five of which it is by default."""

    def vanish(flux):
        flux[3] = -0.5

    image = add_epoch(field, 60010.0, np.random.default_rng(2), flux=vanish)
    image.zero_point = 30.0
    image.save()
    add_epoch(field, 60011.0, np.random.default_rng(3), flux=vanish)
    storage.replace_measurements(image, *_again(field, image))
    curves = read_curves(field)
    (row,) = set(curves.missed.star.tolist())
    assert row == 3
    flux, flux_err = curves.fluxes(np.array([row]))
    mag = storage.catalogue_sources(field)["mag"][3]
    # A flux of 1 at 30 mag is one of 0.01 at 25.
    assert flux[0, 8] == pytest.approx(-0.005, rel=0.01)
    assert flux_err[0, 8] == pytest.approx(0.02 * 10 ** (-0.4 * (mag - 25)), rel=0.01)
    measure_variability(field)
    star = GalVariability.objects.get(pk=curves.refsource_id[row])
    assert star.flags == VariabilityFlag.FADING and star.deviation_sigma > 20


def _again(catalogue, image):
    rows = storage.measurements_on(image, [catalogue])
    positive = rows["flux"] > 0
    return rows[positive], rows[~positive]


def test_nothing_is_measured_again_until_an_image_changed(field):
    assert not is_measured(field, OPTIONS)
    assert measure_variability(field) and is_measured(field, OPTIONS)
    assert measure_variability(field) is None
    assert measure_variability(field, again=True).n_sources == N
    assert not is_measured(field, VariabilityOptions(min_epochs=6))
    add_epoch(field, 60010.0, np.random.default_rng(2))
    assert measure_variability(field).n_images == 9
    assert GalVariability.objects.count() == N


def test_new_sources_of_a_catalogue_are_there_too(field):
    rows = storage.catalogue_sources(field)[-1:]
    rows["refsource_id"] += 3
    rows["galimage_id"] = field.image_id
    copy_in("galsources", rows)
    curves = read_curves(field)
    assert len(curves) == N + 3 and np.isfinite(curves.mag[-1]).sum() == 1


def test_statistics_go_with_their_catalogue(field):
    measure_variability(field)
    drop_catalogue(field)
    assert not GalVariability.objects.exists() and not GalVariabilityRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_finds_a_catalogue_claimed_leaves_it(field):
    with held_elsewhere(Claimed.VARIABILITY, field.pk):
        assert measure_variability(field) is None
    assert not GalVariability.objects.exists()


def test_a_catalogue_that_is_gone_gets_nothing(field):
    gone = GalReference.objects.get(pk=field.pk)
    drop_catalogue(field)
    assert measure_variability(gone) is None
