"""Proper motions measured on images: shifts of stars, lines through them, and their storage."""

import numpy as np
import pytest
from astropy.stats import mad_std
from django.core.management import CommandError, call_command

from exposures.science.motion import DAYS_A_YEAR
from galproject.references.tasks import measure_motions
from photometry.models import GalDisplacements, GalMotion
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.forced.star_shifts import star_shifts
from photometry.science.motion_fit import Displacements, fit_motions
from photometry.science.motions import MotionOptions, Motions, positions_at
from photometry.storage import storage
from photometry.storage.displacements import displacements_of
from photometry.storage.motions import motions_of
from tests.builders.crowded_scene import observe, varying_psf
from tests.builders.survey_rows import make_image, make_sources

OPTIONS = MotionOptions()


def shifts_of(shift_pixels, flux, seed=1):
    """Shifts found of stars on a grid that are off by some pixels, and their directions."""
    psf, rng = varying_psf(), np.random.default_rng(seed)
    x, y = (c.ravel() + rng.uniform(-0.5, 0.5, c.size) for c in np.mgrid[20:380:24, 20:380:24])
    angle = rng.uniform(0, 2 * np.pi, len(x))
    dx, dy = shift_pixels * np.cos(angle), shift_pixels * np.sin(angle)
    flux = np.full(len(x), flux)
    seen = observe((x + dx, y + dy, flux), psf, (400, 400), seed).image
    fit = fit_fluxes(seen, psf, ForcedStars(x, y, flux, np.zeros(len(x), int)))
    left = seen._replace(data=seen.data - fit.model)
    return star_shifts(left, psf, x, y, fit.flux), dx, dy


@pytest.mark.parametrize("flux", [2e3, 2e4])
def test_shifts_of_stars_have_the_errors_they_say(flux):
    found, dx, dy = shifts_of(0.1, flux)
    for pulls in ((found.dx - dx) / found.error, (found.dy - dy) / found.error):
        assert abs(pulls.mean()) < 0.25 and 0.75 < mad_std(pulls) < 1.15


@pytest.mark.parametrize("shift", [0.5, 1.5, 3.0])
def test_shifts_are_good_to_a_fifth_as_far_as_most_of_a_fwhm(shift):
    found, dx, dy = shifts_of(shift, 2e5)
    along = (found.dx * dx + found.dy * dy) / shift
    assert np.median(along) == pytest.approx(shift, rel=0.2)


def test_stars_off_the_image_and_without_flux_have_no_shift():
    psf = varying_psf()
    seen = observe((np.array([50.0]), np.array([50.0]), np.array([1e4])), psf, (100, 100), 1).image
    x, y = np.array([50.0, -20.0, 50.0]), np.full(3, 50.0)
    found = star_shifts(seen, psf, x, y, np.array([1e4, 1e4, 0.0]))
    assert np.isfinite(found.dx).tolist() == [True, False, False]
    assert len(star_shifts(seen, psf, x[:0], y[:0], x[:0])) == 0


def places_of(pm, n_images, error=10.0, seed=3, spread_years=8.0):
    """Displacements of stars with ``pm`` (n,) mas/yr east, and the years."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, spread_years, n_images))
    ids, years = np.tile(np.arange(len(pm)), n_images), np.repeat(times, len(pm))
    noise = rng.normal(0, np.hypot(error, OPTIONS.position_error), (2, len(ids)))
    intercept = rng.normal(0, 30, len(pm))[ids]
    return Displacements(
        ids, pm[ids] * years + noise[0] + intercept, noise[1], np.full(len(ids), error)
    ), years


def test_motions_are_unbiased_and_have_the_errors_they_say():
    pm = np.linspace(-100, 100, 400)
    found = fit_motions(*places_of(pm, 12)).motions
    for pulls in ((found.pm_ra - pm) / found.pm_ra_err, found.pm_dec / found.pm_dec_err):
        assert abs(pulls.mean()) < 0.2 and 0.85 < mad_std(pulls) < 1.15
    assert (found.n_images == 12).all()


def test_stars_that_stand_still_hardly_ever_get_a_motion():
    assert fit_motions(*places_of(np.zeros(20_000), 5)).significant().sum() <= 3


def test_one_bad_image_moves_no_star():
    places, years = places_of(np.full(200, 40.0), 10)
    bad = years == np.unique(years)[-1]
    places.east[bad] += 300
    found = fit_motions(places, years).motions
    assert np.median(found.pm_ra) == pytest.approx(40, abs=1.5)


def test_what_scatters_more_than_its_errors_has_a_larger_error():
    places, years = places_of(np.zeros(300), 8)
    noisy = places.refsource_id < 150
    rng = np.random.default_rng(9)
    places.east[noisy] += rng.normal(0, 80, noisy.sum())
    places.north[noisy] += rng.normal(0, 80, noisy.sum())
    found = fit_motions(places, years)
    errors = found.motions.pm_ra_err
    assert np.median(errors[:150]) > 2.5 * np.median(errors[150:])
    assert not found.significant().any()


def test_few_images_and_images_of_one_time_say_nothing():
    places, years = places_of(np.full(5, 90.0), 3)
    assert len(fit_motions(places, years).refsource_id) == 0
    places, years = places_of(np.full(5, 90.0), 6)
    found = fit_motions(places, np.full_like(years, 2.0))
    assert len(found.refsource_id) == 5
    assert not found.motions.are_known.any() and not found.significant().any()


def test_measured_motions_leave_the_others_where_they_are():
    """Only a catalogue's tell how the field moves: those measured are of the fast alone."""
    known = Motions(*np.full((4, 31), 50.0), n_images=np.full(31, 8))
    known.pm_ra[-1] = np.nan
    ra, _ = positions_at(np.full(31, 10.0), np.zeros(31), known, 10 * DAYS_A_YEAR)
    assert ra[-1] == 10 and (ra[:-1] > 10).all()


def measure_years(catalogue, stored, pm_ra, n_images=6, first=1):
    """Store a search image a year, on which all sources move by ``pm_ra`` (n,) mas/yr."""
    rng = np.random.default_rng(4)
    images = []
    for year in range(first, first + n_images):
        image = make_image(f"{year}", mjd=catalogue.mjd + DAYS_A_YEAR * year)
        east, north = rng.normal(0, 8, (2, len(stored)))
        places = Displacements(
            stored["refsource_id"], east + year * pm_ra, north, np.full(len(stored), 5.0)
        )
        storage.replace_measurements(image, stored, displacements=places)
        images.append((image, places))
    return images


@pytest.fixture
def field(db):
    """A catalogue of twenty sources: the third has a catalogue's motion, five to seven move."""
    listed = Motions.unknown(20)
    for name in ("pm_ra", "pm_dec", "pm_ra_err", "pm_dec_err"):
        getattr(listed, name)[2] = 1.0
    sources = make_sources(20)
    sources["mag"] = np.arange(20)
    image = make_image("reference", is_reference=True, mjd=60000.0)
    catalogue = storage.create_catalogue(image, sources, {}, "test", motions=listed)
    catalogue.refresh_from_db()
    return catalogue


def test_stars_that_moved_over_years_get_a_motion_where_no_catalogue_has_one(field, capsys):
    stored = storage.catalogue_sources(field)
    pm_ra = np.where((stored["mag"] >= 5) & (stored["mag"] <= 7) | (stored["mag"] == 2), 60.0, 0)
    measure_years(field, stored, pm_ra)
    call_command("measure_motions")
    assert "3 of 20 sources have a proper motion" in capsys.readouterr().out
    found = motions_of(stored["refsource_id"])
    moving = (stored["mag"] >= 5) & (stored["mag"] <= 7)
    assert found.pm_ra[moving] == pytest.approx(np.full(3, 60.0), abs=8)
    assert (found.n_images[moving] == 6).all()
    assert found.are_known.sum() == 4 and found.pm_ra[stored["mag"] == 2] == 1.0
    call_command("measure_motions", exposure=["reference"])
    assert GalMotion.objects.count() == 4


def test_an_image_that_is_measured_again_counts_once_and_goes_with_its_results(field):
    stored = storage.catalogue_sources(field)
    images = measure_years(field, stored, np.zeros(20), 3)
    before = displacements_of(field)
    image, places = images[0]
    storage.replace_measurements(image, stored, displacements=places)
    again = displacements_of(field)
    assert len(again[0]) == 60 and again[1].tolist() == before[1].tolist()
    assert again[0].east.tolist() == before[0].east.tolist()
    storage.replace_measurements(image, stored)
    assert len(displacements_of(field)[0]) == 40
    storage.drop_catalogue(field)
    assert not GalDisplacements.objects.exists() and not GalMotion.objects.exists()


def test_each_day_motions_are_measured_where_there_are_a_tenth_more_images(field):
    stored = storage.catalogue_sources(field)
    pm_ra = np.where(stored["mag"] == 5, 80.0, 0)
    measured, nothing = {"catalogues": [field.pk]}, {"catalogues": []}
    measure_years(field, stored, pm_ra, 4)
    assert measure_motions() == nothing
    measure_years(field, stored, pm_ra, 16, first=5)
    assert measure_motions() == measured
    fast = GalMotion.objects.get(n_images=20)
    assert fast.pm_ra == pytest.approx(80, abs=2)
    assert measure_motions() == nothing
    measure_years(field, stored, pm_ra, 1, first=21)
    assert measure_motions() == nothing
    measure_years(field, stored, pm_ra, 1, first=22)
    assert measure_motions() == measured
    assert GalMotion.objects.get(refsource_id=fast.refsource_id).n_images == 22


def test_an_image_that_is_measured_again_is_no_new_one_for_motions(field):
    stored = storage.catalogue_sources(field)
    ((image, places), *_) = measure_years(field, stored, np.zeros(20))
    measure_motions()
    storage.replace_measurements(image, stored, displacements=places)
    assert measure_motions() == {"catalogues": []}


def test_without_a_catalogue_there_is_nothing_to_measure(db):
    with pytest.raises(CommandError, match="No reference catalogue"):
        call_command("measure_motions")
