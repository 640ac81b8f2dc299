"""What limits changes on drawn skies: errors of an ideal fit are those that noise makes."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from skies.ideal_fit import LocalFit, change_variance
from skies.limits import Difference, spread_of_alike

SIGMA = 1.7  # pixels, of the PSF
NOISE = 3.0  # ADU a pixel
ROWS, COLUMNS = np.indices((21, 21))
WEIGHT = np.full(ROWS.size, NOISE**-2)
ALONE = 2 * SIGMA * np.sqrt(np.pi) * NOISE  # error of a star's flux, by the area of its noise


def stamps(*places):
    """(n, pixels) Gaussian stars at x, y from the middle."""
    return np.array(
        [
            np.exp(-((COLUMNS - 10 - x) ** 2 + (ROWS - 10 - y) ** 2) / (2 * SIGMA**2)).ravel()
            / (2 * np.pi * SIGMA**2)
            for x, y in places
        ]
    )


def fit(places, flux, light=None):
    flux, shapes = np.array(flux, float), stamps(*places)
    return LocalFit.of(shapes, flux @ shapes if light is None else light, WEIGHT, flux)


def test_a_star_alone_has_the_error_of_its_psf():
    alone = fit([(0.2, -0.3)], [500])
    assert np.sqrt(alone.variance) == pytest.approx(ALONE, rel=1e-3)
    assert alone.flux == pytest.approx(500)


def test_the_bound_is_the_scatter_of_a_joint_fit_to_noise():
    places, flux = [(0, 0), (2.5, 0), (-1, 3)], np.array([1e5, 2e5, 3e5])
    bound, shapes = fit(places, flux).variance, stamps(*places)
    noise = np.random.default_rng(1).normal(0, NOISE, (1500, ROWS.size))
    solved = (flux @ shapes + noise) @ np.linalg.pinv(shapes)
    assert solved[:, 0].std() == pytest.approx(np.sqrt(bound), rel=0.05)


def test_neighbours_far_below_the_noise_take_nothing_and_bright_ones_do():
    places = [(0, 0), (2, 0), (0, 2), (-2, 0), (0, -2), (1, 1)]
    faint, bright = fit(places, [500, *[1] * 5]), fit(places, [500, *[5000] * 5])
    assert np.sqrt(faint.variance) == pytest.approx(ALONE, rel=0.01)
    assert np.sqrt(bright.variance) > 2 * ALONE


def test_neighbours_that_are_the_same_on_both_images_cost_less_than_free_ones():
    one = fit([(0, 0), (1.5, 0)], [500, 5000])
    # Their light cancels where the images are alike: the change has the errors of a star alone.
    assert change_variance(one, one, (1.0, 1.0)) == pytest.approx(2 * ALONE**2, rel=1e-3)
    assert one.variance > 1.5 * ALONE**2


def test_variances_of_changes_are_in_units_of_what_stars_send():
    places, flux = [(0, 0), (1.5, 0)], np.array([500.0, 5000.0])
    one, brighter = fit(places, flux), fit(places, 2 * flux)
    once = change_variance(one, one, (1.0, 1.0))
    assert change_variance(brighter, brighter, (2.0, 2.0)) == pytest.approx(once / 4, rel=1e-3)


def test_light_that_no_star_of_the_fit_has_goes_to_the_others():
    hidden = np.array([500, 300]) @ stamps((0, 0), (1, 0))
    assert 750 < fit([(0, 0)], [500], hidden).flux < 800


def test_a_star_without_a_pixel_has_no_bound():
    shapes = stamps((0, 0))
    assert LocalFit.of(shapes, shapes[0], 0 * WEIGHT, np.ones(1)).variance == np.inf


def test_differences_are_those_of_stars_on_one_scale_that_lose_no_more_than_their_light():
    fluxes, variances = (np.array([100.0, 50]), np.array([180.0, -30])), (25.0, 100.0)
    difference = Difference.between(fluxes, variances, (1.0, 2.0))
    assert difference.change == pytest.approx([-10, -50])
    assert difference.error == pytest.approx(np.hypot(5, 5))


def test_stars_have_the_spread_of_those_of_their_kind():
    rng = np.random.default_rng(2)
    kind = np.column_stack([np.repeat([1.0, 4.0], 400), rng.uniform(0, 0.1, 800)])
    pulls = rng.normal(0, np.repeat([1.0, 5.0], 400))
    spread = spread_of_alike(np.array([[1.0, 0.05], [4.0, 0.05]]), kind, pulls)
    assert spread == pytest.approx([1, 5], rel=0.35)
