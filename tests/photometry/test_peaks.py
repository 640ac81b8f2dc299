"""Peaks that are new stars are crowdsource's, found many times as fast."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from photometry.science.detection.peaks import (
    PeakImage,
    near_stars,
    new_peaks,
    significance,
    survivors,
)
from tests.builders.crowded_scene import observe, render, star_list, varying_psf
from tests.photometry.oracle import kept_by_crowdsource, peaks_by_crowdsource

SHAPE = (1100, 170)  # more rows than are transformed together
DEEP = 8  # pixels from usable ones, beyond which crowdsource's peaks are of its rounding


@pytest.fixture(scope="module")
def scene():
    """A crowd with a hole in place of a star's core, and a blank edge."""
    scene = observe(star_list(1500, SHAPE, seed=5), varying_psf(), SHAPE, seed=6)
    y, x = np.indices(SHAPE)
    brightest = np.argmax(scene.flux)
    radius = np.hypot(x - scene.x[brightest], y - scene.y[brightest])
    scene.weight[(radius < 6) | (x > 160)] = 0
    return scene


@pytest.fixture(scope="module")
def known(scene):
    """The light of the stars that are found at first, a little too bright, in single precision."""
    found = scene.flux > 3000
    stars = scene.x[found], scene.y[found], 1.05 * scene.flux[found]
    return render(*stars, scene.psf, SHAPE).astype("f4")


@pytest.mark.parametrize(
    ("is_first", "threshold", "blend"), [(True, 5.0, 2.0), (False, 5.0, 2.0), (False, 3.0, 0.2)]
)
def test_peaks_are_those_of_crowdsource(scene, known, is_first, threshold, blend):
    model = np.zeros_like(known) if is_first else known
    image = PeakImage(scene.data.astype("f4") - model, model, scene.weight.astype("f4"))
    found = new_peaks(image, scene.psf, threshold, blend, keep_saturated=is_first)
    theirs = peaks_by_crowdsource(image, scene.psf, threshold, blend, keep_saturated=is_first)
    depth = distance_transform_edt(image.weight <= 0)
    ours, theirs = (
        [(i, j) for i, j in zip(*peaks, strict=True) if depth[int(j), int(i)] < DEEP]
        for peaks in (found, theirs)
    )
    assert len(ours) > 100
    assert ours == theirs


def test_no_peak_is_at_a_known_star(scene):
    data, weight = scene.data.astype("f4"), scene.weight.astype("f4")
    image = PeakImage(data, np.zeros_like(data), weight)
    x, y = new_peaks(image, scene.psf, 5.0, 2.0, keep_saturated=True)
    stars = x[::3] + 0.4, y[::3] - 0.7
    left = new_peaks(image, scene.psf, 5.0, 2.0, True, near_stars(*stars, 1.5, SHAPE))
    nearest = np.min(np.hypot(x - stars[0][:, None], y - stars[1][:, None]), axis=0)
    assert np.column_stack(left).tolist() == np.column_stack([x, y])[nearest >= 1.5].tolist()
    assert 0 < len(left[0]) < len(x)


def test_a_star_behind_a_hole_is_a_peak_of_the_first_search_alone(scene):
    data, weight = scene.data.astype("f4"), scene.weight.astype("f4")
    image = PeakImage(data, np.zeros_like(data), weight)
    brightest = np.argmax(scene.flux)
    inside = []
    for keep in (True, False):
        x, y = new_peaks(image, scene.psf, 5.0, 2.0, keep_saturated=keep)
        distance = np.hypot(x - scene.x[brightest], y - scene.y[brightest])
        inside.append(np.any(distance < 2))
    assert inside == [True, False]


def test_a_star_behind_a_wide_hole_is_one_peak_of_the_first_search():
    psf, shape = varying_psf(), (220, 150)
    y, x = np.indices(shape)
    stars = np.array([75.3]), np.array([109.6]), np.array([1e9])
    data = render(*stars, psf, shape) + np.random.default_rng(3).normal(0, 15, shape)
    weight = np.where(np.hypot(x - 75, y - 110) < 15, 0, 1 / (225 + np.maximum(data, 0)))
    image = PeakImage(data.astype("f4"), np.zeros(shape, "f4"), weight.astype("f4"))
    x, y = new_peaks(image, psf, 5.0, 2.0, keep_saturated=True)
    inside = np.hypot(x - 75, y - 110) < 13
    assert inside.sum() == 1
    assert np.hypot(x - 75.3, y - 109.6)[inside] < 3


@pytest.mark.parametrize("precision", ["f4", "f8"])
def test_nothing_is_significant_where_no_pixel_is_near(precision):
    data, weight = np.ones((200, 90)), np.ones((200, 90))
    weight[80:] = 0
    height = significance(data, weight, varying_psf().stamps(45, 100, 59)[0].astype(precision))
    assert height[:80].min() > 4
    assert np.abs(height[110:]).max() < 0.1


def test_of_stars_within_a_pixel_the_brighter_survives():
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, 60, (2, 2000))
    flux, flux_err = rng.exponential(1000, 2000), np.full(2000, 50.0)
    kept = survivors(x, y, flux, flux_err, 5.0)
    assert np.array_equal(kept, kept_by_crowdsource(x, y, flux) & (flux > 150))
    assert survivors(x[:0], y[:0], flux[:0], flux_err[:0], 5.0).tolist() == []


def test_a_very_bright_star_survives_with_any_error_that_is_finite():
    x = np.arange(3.0) * 10
    flux_err = np.array([1e5, np.inf, 1e5])
    kept = survivors(x, x, np.array([1.1e5, 1.1e5, 9e4]), flux_err, 5.0)
    assert kept.tolist() == [True, False, False]
