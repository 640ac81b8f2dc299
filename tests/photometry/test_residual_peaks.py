"""Stars that a list lacks are found in what its fit leaves over, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.peak_image import ListedStars
from photometry.science.detection.residual_options import ResidualOptions
from photometry.science.detection.residual_peaks import find_left_over, find_new_stars
from photometry.science.forced.forced import SHARP, ForcedStars, fit_fluxes
from photometry.science.pixel_positions import PixelPositions
from photometry.science.reference_residual import ReferenceResidual
from tests.builders.crowded_scene import (
    GAIN,
    READ_NOISE,
    SKY,
    apart,
    observe,
    star_list,
    varying_psf,
)

SHAPE, N_LISTED, N_NEW = (600, 600), 900, 40  # as 21,000 stars above 5 sigma on a chip
PSF = varying_psf()


def sigma_alone():
    """ADU, of the flux of a star alone on the sky."""
    stamp = PSF.stamps(np.array([300.0]), np.array([300.0]), 41)[0]
    return np.sqrt((SKY / GAIN + (READ_NOISE / GAIN) ** 2) / np.sum(stamp**2))


def residual_of(scene, listed, psf=PSF):
    """What a forced fit of the first stars of a scene leaves over, and where those are."""
    stars = ForcedStars(
        scene.x[:listed], scene.y[:listed], scene.flux[:listed], np.zeros(listed, int)
    )
    fit = fit_fluxes(scene.image, psf, stars)
    residual = Residual(scene.data - fit.model, scene.weight, scene.mask, fit.model)
    return residual, ListedStars(stars.x, stars.y, fit.flux)


def scene_with_new(seed, n_sigma):
    """A scene whose last N_NEW stars are new, well inside and not on top of each other."""
    x, y, flux = star_list(N_LISTED, SHAPE, seed, brightest=14, faintest=21.5)
    rng = np.random.default_rng(seed + 100)
    new = [rng.uniform(10, side - 11, N_NEW) for side in reversed(SHAPE)]
    stars = np.append(x, new[0]), np.append(y, new[1])
    flux = np.append(flux, np.full(N_NEW, n_sigma * sigma_alone()))
    return observe((*stars, flux), PSF, SHAPE, seed + 200)


def matches(found, x, y, radius=2.0):
    """(n,) the nearest of what was found to each position; -1 where none is near."""
    distance = np.hypot(found.x - x[:, None], found.y - y[:, None])
    return np.where(distance.min(axis=1) < radius, distance.argmin(axis=1), -1)


@pytest.fixture(scope="module")
def crowded():
    scene = scene_with_new(seed=1, n_sigma=15)
    residual, listed = residual_of(scene, N_LISTED)
    return scene, find_new_stars(residual, PSF, listed)


def test_a_listed_star_without_a_flux_is_as_one_without_light(crowded):
    scene, _ = crowded
    residual, listed = residual_of(scene, N_LISTED)
    unknown, dark = listed.flux.copy(), listed.flux.copy()
    unknown[-20:], dark[-20:] = np.nan, 0
    one, other = (
        find_new_stars(residual, PSF, listed._replace(flux=flux)) for flux in (unknown, dark)
    )
    assert len(one) == len(other) > 10
    assert np.array_equal(one.significance, other.significance)


def test_stars_that_are_not_listed_are_found_in_a_crowd(crowded):
    scene, found = crowded
    new = slice(N_LISTED, None)
    # Not on a listed star: there it is that star's change.
    alone = apart(scene.x, scene.y, 4)[new]
    match = matches(found, scene.x[new], scene.y[new])
    assert alone.sum() > 25
    assert (match >= 0)[alone].mean() > 0.9


def test_their_fluxes_are_unbiased_with_honest_errors(crowded):
    scene, found = crowded
    new = slice(N_LISTED, None)
    match = matches(found, scene.x[new], scene.y[new])
    got = match >= 0
    pulls = (found.flux[match] - scene.flux[new])[got] / found.flux_err[match][got]
    assert abs(np.median(pulls)) < 0.6
    assert np.std(pulls) < 1.6
    offset = np.hypot(found.x[match] - scene.x[new], found.y[match] - scene.y[new])[got]
    assert np.median(offset) < 0.4


@pytest.mark.parametrize("threshold", [2.0, None])
def test_of_a_star_of_four_sigma_nearly_always_something_is_left_over(threshold):
    """It shows above 5 sigma on a search image now and then, and is not new.

    By a peak down to 2 sigma, or by default by a peak or the light that is kept of its place.
    """
    scene = scene_with_new(seed=5, n_sigma=4)
    residual, stars = residual_of(scene, N_LISTED)
    places = PixelPositions(scene.x[N_LISTED:], scene.y[N_LISTED:])
    options = (
        ResidualOptions() if threshold is None else ResidualOptions(left_over_threshold=threshold)
    )
    left = find_left_over(residual, PSF, stars, options)
    near = matches(left, *places)
    light = np.where(near >= 0, left.flux[near], 0)
    if threshold is None:
        kept = ReferenceResidual.of(residual, PSF, 30.0, options.fit_fwhm)
        light = np.maximum(light, kept.light_at(stars.positions, places, 30.0)[0])
    assert np.mean(light >= 2 * sigma_alone()) > 0.85


def test_a_complete_list_leaves_nothing_to_find():
    scene = scene_with_new(seed=5, n_sigma=15)
    residual, listed = residual_of(scene, len(scene.x))
    assert_nothing_sure(residual, PSF, listed)


def assert_nothing_sure(residual, psf, listed):
    """No source has a detection by which it is believed (``NewSourceOptions.min_brightest``)."""
    surer = ResidualOptions(threshold=6.0)
    assert len(find_new_stars(residual, psf, listed, surer)) == 0
    found = find_new_stars(residual, psf, listed)
    assert np.all(found.significance < 6)
    assert len(found) < 10


def test_bright_stars_fitted_with_a_wrong_psf_are_not_new():
    x, y, flux = star_list(60, SHAPE, seed=7, brightest=14, faintest=16)
    scene = observe((x, y, flux), PSF, SHAPE, seed=8)
    wrong = replace(PSF, beta=3.0)
    residual, listed = residual_of(scene, 60, wrong)
    assert (
        len(
            find_new_stars(
                residual, wrong, listed, ResidualOptions(model_error=0.0, wing_error=0.0)
            )
        )
        > 50
    )
    assert_nothing_sure(residual, wrong, listed)


def pairs(brighter, fainter, distance, seed):
    """Scene of pairs at random angles, all brighter stars first; fluxes in sigma_alone()."""
    side = np.arange(30.0, 600, 45)
    x, y = (place.ravel() for place in np.meshgrid(side, side))
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(x))
    x, y = (np.append(x, x + distance * np.cos(angle)), np.append(y, y + distance * np.sin(angle)))
    flux = np.repeat([brighter, fainter], len(angle)) * sigma_alone()
    return observe((x, y, flux), PSF, SHAPE, seed + 1)


def test_what_is_left_of_pairs_that_are_listed_as_one_star_displaces_it_too_little():
    scene = pairs(brighter=200, fainter=100, distance=2.5, seed=14)
    n = len(scene.x) // 2
    x, y = ((2 * place[:n] + place[n:]) / 3 for place in (scene.x, scene.y))
    residual, listed = residual_of(replace(scene, x=x, y=y), n)
    found = find_new_stars(residual, PSF, listed)
    assert len(found) > 100
    assert np.all(found.displacement < ResidualOptions().min_displacement)


def test_a_new_star_beside_one_at_its_place_displaces_it_enough():
    scene = pairs(brighter=60, fainter=20, distance=3, seed=16)
    n = len(scene.x) // 2
    residual, listed = residual_of(scene, n)
    found = find_new_stars(residual, PSF, listed)
    match = matches(found, scene.x[n:], scene.y[n:])
    assert np.mean(match >= 0) > 0.9
    is_enough = found.displacement >= ResidualOptions().min_displacement
    assert np.mean(is_enough[match[match >= 0]]) > 0.95


def test_a_new_star_on_the_slope_of_a_brighter_new_one_is_found():
    scene = pairs(brighter=60, fainter=25, distance=4.5, seed=18)
    n = len(scene.x) // 2
    residual, _ = residual_of(scene, 1)
    listed = ListedStars(*np.zeros((3, 0)))
    share = {
        hiding: np.mean(matches(found, scene.x[n:], scene.y[n:], 1.5) >= 0)
        for hiding in (5.0, 1e6)
        for found in [find_new_stars(residual, PSF, listed, ResidualOptions(hiding_sigma=hiding))]
    }
    assert share[5.0] > 0.9
    assert share[1e6] < 0.5


def test_a_bright_new_star_is_not_several():
    scene = pairs(brighter=3000, fainter=0, distance=4.5, seed=20)
    n = len(scene.x) // 2
    residual, _ = residual_of(scene, 1)
    residual = replace(residual, data=scene.data)
    found = find_new_stars(residual, PSF, ListedStars(*np.zeros((3, 0))))
    assert len(found) == n


def test_a_star_that_brightens_is_not_a_new_one_beside_it():
    x, y, flux = star_list(100, SHAPE, seed=9, brightest=16)
    now = flux.copy()
    now[:30] *= 3
    scene = observe((x, y, now), PSF, SHAPE, seed=10)
    residual, listed = residual_of(scene, 100)
    assert len(find_new_stars(residual, PSF, listed)) == 0


def test_light_in_one_pixel_is_no_star():
    x, y, flux = star_list(50, SHAPE, seed=11, brightest=16)
    scene = observe((x, y, flux), PSF, SHAPE, seed=12)
    hot = np.array([100.0, 222.0, 431.0]), np.array([300.0, 120.0, 77.0])
    scene.data[hot[1].astype(int), hot[0].astype(int)] += 1500
    residual, listed = residual_of(scene, 50)
    found = find_new_stars(residual, PSF, listed)
    match = matches(found, *hot)
    assert np.all(match >= 0)
    assert np.all(found.flags[match] & SHARP)
    assert np.all(found.rchi2[match] > ResidualOptions().max_rchi2)


def test_masked_pixels_are_no_peaks_and_too_few_pixels_no_star():
    x, y, flux = np.array([50.0, 200.0, 420.0]), np.array([50.0, 210.0, 380.0]), np.full(3, 2e4)
    scene = observe((x, y, flux), PSF, SHAPE, seed=13)
    scene.weight[208:213, 150:250] = 0
    scene.data[208:213, 150:250] = 1e5
    residual, listed = residual_of(scene, 1)
    found = find_new_stars(residual, PSF, listed)
    (star,) = matches(found, x[2:], y[2:])
    assert star >= 0
    assert found.quality[star] > 0.99
    wings = np.setdiff1d(np.arange(len(found)), star)
    # Of the star under the mask, and none of what else the mask covers.
    assert len(wings) > 0 and np.all(np.abs(found.x[wings] - x[1]) < 1)
    assert np.all(found.quality[wings] < ResidualOptions().min_quality)
