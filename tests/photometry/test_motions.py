"""Proper motions of reference sources: from a catalogue, and where stars are by them."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.models import GalMotion
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.motions import (
    MotionOptions,
    Motions,
    catalogue_motions,
    fade_mag,
    positions_at,
)
from photometry.storage import storage
from photometry.storage.motions import motions_of, source_positions_at
from tests.builders.crowded_scene import observe, varying_psf
from tests.builders.survey_rows import make_image, make_sources
from variables.science.causes import FADE_MARGIN, FADE_SHARE

YEAR = 365.25


def motions(pm_ra, pm_dec=0.0, error=0.1):
    pm_ra = np.atleast_1d(np.asarray(pm_ra, float))
    return Motions(pm_ra, *(np.broadcast_to(v, pm_ra.shape) for v in (pm_dec, error, error, 0)))


def test_a_source_has_the_motion_of_the_star_that_is_its_nearest_and_whose_nearest_it_is():
    x, y = np.array([10.0, 10.9, 50.0, 80.0]), np.zeros(4)
    star_x = np.array([10.2, 50.5, 82.0])
    found = catalogue_motions(x, y, star_x, np.zeros(3), motions([5.0, -7.0, 9.0]))
    assert found.pm_ra == pytest.approx([5.0, np.nan, -7.0, np.nan], nan_ok=True)
    assert found.are_known.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "listed", [motions(5.0, error=9.0), motions(np.nan), motions(5.0, error=np.nan)]
)
def test_a_motion_that_is_not_known_well_is_none(listed):
    found = catalogue_motions(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1), listed)
    assert not found.are_known.any()


def test_a_nearer_star_without_a_motion_keeps_that_of_another_from_a_source():
    listed = motions([np.nan, 40.0])
    found = catalogue_motions(np.zeros(1), np.zeros(1), np.array([0.1, 0.8]), np.zeros(2), listed)
    assert not found.are_known.any()


@pytest.mark.parametrize("dec", [-60.0, 0.0, 89.9])
def test_stars_are_where_they_moved_to_across_the_meridian_and_near_the_pole(dec):
    ra, pm_ra = np.array([359.99999]), 3_600_000 * np.cos(np.radians(dec)) * 2e-5 / 10
    at, _ = positions_at(ra, np.array([dec]), motions(pm_ra), 10 * YEAR)
    assert at[0] == pytest.approx(1e-5, abs=1e-8)


def test_sources_without_a_motion_go_along_with_the_field():
    known = motions(np.r_[np.full(30, -6.0), np.nan], -3.0)
    known = replace(known, pm_dec=np.r_[np.full(30, -3.0), np.nan])
    zeros = np.zeros(31)
    ra, dec = positions_at(zeros + 10, zeros, known, 10 * YEAR)
    assert (10 - ra) * 3.6e6 == pytest.approx(np.full(31, 60.0), abs=1e-3)
    assert dec * 3.6e6 == pytest.approx(np.full(31, -30.0), abs=1e-3)
    few = MotionOptions(min_stars=31)
    assert positions_at(zeros + 10, zeros, known, 10 * YEAR, few)[0][-1] == 10


def test_a_fast_star_fades_at_its_old_place_and_not_where_it_went():
    """Stars of 20, 40, 60 and 100 mas/yr after ten years, with pixels of 0.263 arcsec."""
    psf, flux = varying_psf(), np.full(4, 2e5)
    pixels = np.array([20, 40, 60, 100]) * 10 / 263.0
    x, y = np.array([50.3, 150.1, 250.8, 350.5]), np.full(4, 200.4)
    moved = observe((x + pixels, y, flux), psf, (400, 400), seed=3)
    old, new = (
        fit_fluxes(moved.image, psf, ForcedStars(place, y, flux, np.zeros(4, int))).flux
        for place in (x, x + pixels)
    )
    fades = -2.5 * np.log10(old / flux)
    assert (np.diff(fades) > 0).all() and fades[-1] > 0.5
    expected = fade_mag(pixels / psf.fwhm_at(x, y))
    assert (fades < FADE_SHARE * expected + FADE_MARGIN).all() and (fades > 0.5 * expected).all()
    assert -2.5 * np.log10(new / flux) == pytest.approx(np.zeros(4), abs=0.01)


@pytest.mark.django_db
def test_motions_are_those_of_their_sources_and_go_with_their_catalogue():
    sources = make_sources(40)
    sources["dec"] = sources["dec"][::-1]
    sources["mag"] = np.arange(40)
    image = make_image("reference", is_reference=True, mjd=60000.0)
    given = motions(np.where(np.arange(40) % 2, np.arange(40.0), np.nan), 2.0)
    catalogue = storage.create_catalogue(image, sources, {}, "test", motions=given)
    stored = storage.catalogue_sources(catalogue)
    found = motions_of(stored["refsource_id"])
    assert found.pm_ra == pytest.approx(
        np.where(stored["mag"] % 2, stored["mag"], np.nan), nan_ok=True
    )
    assert GalMotion.objects.count() == 20
    before = source_positions_at(stored, 60000.0, MotionOptions())
    assert before[0] == pytest.approx(stored["ra"], abs=1e-12)
    _, dec = source_positions_at(stored, 60000.0 + 10 * YEAR, MotionOptions())
    assert (dec - stored["dec"]) * 3.6e6 == pytest.approx(np.full(40, 20.0), abs=1e-3)
    unused = MotionOptions(use=False)
    assert (source_positions_at(stored, 70000.0, unused)[1] == stored["dec"]).all()
    storage.drop_catalogue(catalogue)
    assert not GalMotion.objects.exists()
