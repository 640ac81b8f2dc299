"""The statistics of a catalogue's sources, from table to table."""

import numpy as np
import pytest

from exposures.binary_copy import copy_in
from exposures.locks import Claimed
from photometry.models import GalReference
from photometry.storage import storage
from photometry.storage.storage import drop_catalogue
from tests.builders.exposures_in_work import held_elsewhere
from tests.builders.survey_rows import make_image, make_sources
from variables.light_curves.detrending import detrended
from variables.light_curves.light_curves import light_curves_at
from variables.models import (
    GalTrend,
    GalTrendStar,
    GalVariability,
    GalVariabilityRun,
    VariabilityFlag,
)
from variables.science.variability.options import VariabilityOptions
from variables.variability.curves import CatalogueImages, read_curves
from variables.variability.measuring import is_measured, measure_variability
from variables.variability.surroundings import read_surroundings

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


TREND = 0.05 * np.random.default_rng(5).normal(size=24)  # mag, on each image


@pytest.fixture
def trended(db):
    """A catalogue of bright stars that share a trend over twenty-four images."""
    sources = make_sources(80)
    sources["mag"] = np.linspace(15, 16, 80)
    sources["mag_err"] = 0.01
    sources["x"], sources["y"] = 20.0 * np.arange(80), 100.0
    sources["x"][1] = 2.0  # beside the first
    sources["fracflux"][:2] = 0.6
    image = make_image("reference", is_reference=True, mjd=60000.0, fwhm_pixels=4.0, sky=100.0)
    catalogue = storage.create_catalogue(image, sources, {}, "test")
    catalogue.refresh_from_db()
    rows, rng = storage.catalogue_sources(catalogue), np.random.default_rng(6)
    mag = rows["mag"].copy()
    for day in range(1, 24):
        rows["mag"] = mag + TREND[day] + rng.normal(0, 0.01, 80)
        columns = {"fwhm_pixels": 4.0 + 0.1 * (day % 7), "sky": 100.0 + day}
        image = make_image(f"search {day}", mjd=60000.0 + day, **columns)
        storage.replace_measurements(image, rows)
    return catalogue


def test_trends_are_kept_beside_the_measurements_and_taken_from_the_statistics(trended):
    before = storage.measurements_of(trended, [trended.id_range[0]])["mag"]
    measure_variability(trended)
    stars = GalVariability.objects.all()
    assert GalTrend.objects.count() == 24 and GalTrendStar.objects.count() == 80
    chi2 = np.array(stars.values_list("chi2_nu", "measured_chi2_nu"))
    assert np.median(chi2[:, 0]) < 1.3 and np.median(chi2[:, 1]) > 10
    after = storage.measurements_of(trended, [trended.id_range[0]])["mag"]
    assert np.array_equal(after, before)
    found = {trend.galimage_id: trend.mag for trend in GalTrend.objects.all()}
    (usual,) = {round(c, 1) for c in GalTrendStar.objects.values_list("coefficient_1", flat=True)}
    images = trended.coverages.order_by("mjd").values_list("image_id", flat=True)
    shift = np.array([usual * found[i] for i in images]) - TREND[1:]
    assert np.std(shift) < 0.005


def test_a_light_curve_without_the_trends_that_were_found_scatters_less(trended):
    measure_variability(trended)
    star = storage.catalogue_sources(trended)[40]
    (curve,) = light_curves_at(star["ra"], star["dec"], 0.1)
    assert np.std(curve.mag[1:]) > 0.03 and np.std(detrended(curve).mag) < 0.02


def test_pairs_are_told_and_every_star_has_a_false_alarm_probability(trended):
    measure_variability(trended)
    stars = {s.refsource_id: s for s in GalVariability.objects.all()}
    rows = storage.catalogue_sources(trended)
    paired = rows["refsource_id"][rows["fracflux"] < 1].tolist()
    blended = {i for i, star in stars.items() if star.flags & VariabilityFlag.BLENDED}
    assert blended == set(paired)
    assert all(np.isfinite(stars[i].neighbour_correlation) for i in paired)
    assert all(0 < star.false_alarm <= 1 for star in stars.values())


def test_trends_go_with_their_catalogue_and_when_there_are_none(trended):
    measure_variability(trended)
    measure_variability(trended, VariabilityOptions(max_trends=0))
    assert not GalTrend.objects.exists() and not GalTrendStar.objects.exists()
    measure_variability(trended)
    drop_catalogue(trended)
    assert not GalTrend.objects.exists() and not GalTrendStar.objects.exists()


def test_surroundings_tell_where_sources_are_and_how_images_were_taken(trended):
    epochs = CatalogueImages.of(trended)
    found = read_surroundings(trended, epochs, 81)
    rows = storage.catalogue_sources(trended)
    assert np.array_equal(found.x[:80], rows["x"]) and np.isnan(found.x[80])
    assert found.fwhm_pixels == pytest.approx(4.25)
    # Seeing, its square, and the sky: nothing is shifted, and nobody knows where it was.
    assert found.circumstances.conditions.shape == (3, 24)
    # Of a camera whose site is known: while the field is up, at 60000.4 and a sidereal day later.
    type(trended.image.exposure).objects.update(instrument="decam")
    trended = GalReference.objects.get(pk=trended.pk)
    at_night = CatalogueImages(epochs.images)
    for number, image in enumerate(at_night.images):
        image.exposure.mjd = 60000.4 + 0.9 * 0.99727 * number / 9 % 0.1
    found = read_surroundings(trended, at_night, 81).circumstances.conditions
    assert found.shape == (4, 24)


def test_stars_near_an_edge_of_an_image_do_not_count(trended):
    type(trended.image).objects.filter(pk=trended.image_id).update(width=1500, height=200)
    curves = read_curves(GalReference.objects.get(pk=trended.pk))
    x = storage.catalogue_sources(trended)["x"]
    inside = (x >= 5) & (x <= 1494)
    assert np.array_equal(np.isfinite(curves.mag).any(axis=1), inside)
