"""A peak's star is what least squares make of it, its neighbours and a local sky."""

import numpy as np
import pytest

from photometry.science.detection.peak_fit import PeakLimits, Residual, fit_peaks
from photometry.science.pixel_positions import PixelPositions
from tests.builders.crowded_scene import observe, varying_psf

SHAPE, PSF = (300, 300), varying_psf()
LIMITS = PeakLimits(
    fit_fwhm=2.0,
    max_move_pixels=1.5,
    least_sigma=0.0,
    pixel_error=0.0,
    sharp_excess=0.4,
    sharp_sigma=5.0,
)
# Stars in pairs and triples, each with its flux; the first of each group is the peak.
GROUPS = [
    [(60.3, 70.2, 8e3), (63.1, 71.9, 2e4)],
    [(150.6, 148.8, 5e3), (147.2, 149.0, 3e4), (151.9, 153.1, 9e3)],
    [(240.1, 230.4, 6e3)],
    [(2.4, 120.3, 9e3), (5.2, 123.0, 7e3)],
]


@pytest.fixture(scope="module")
def scene():
    x, y, flux = np.array([star for group in GROUPS for star in group]).T
    return observe((x, y, flux), PSF, SHAPE, seed=4)


def fitted(scene, miss=0.7):
    """The fit of the peaks, which are looked for some pixels away."""
    peaks = np.array([group[0][:2] for group in GROUPS]).T + np.array([[miss], [-miss]])
    others = np.array([star[:2] for group in GROUPS for star in group[1:]]).T
    positions = PixelPositions(*others), PixelPositions(*np.round(peaks))
    return fit_peaks(unmodelled(scene.data, scene.weight), PSF, *positions, LIMITS)


def unmodelled(data, weight):
    """A Residual of which nothing was taken out."""
    return Residual(data, weight, np.zeros(SHAPE, "u1"), np.zeros(SHAPE))


def fitted_alone(residual, x, y):
    """The fit of a peak without stars near it."""
    peak = PixelPositions(np.array([x]), np.array([y]))
    return fit_peaks(residual, PSF, PixelPositions(*np.empty((2, 0))), peak, LIMITS)


def test_position_and_flux_are_found_beside_neighbours(scene):
    fit = fitted(scene)
    x, y, flux = np.array([group[0] for group in GROUPS]).T
    assert np.all(np.hypot(fit.x - x, fit.y - y) < 0.15)
    assert np.all(np.abs(fit.flux - flux) < 4 * fit.flux_err)
    assert np.all(fit.rchi2 < 1.5)
    assert not np.any(fit.is_sharp)


def test_fluxes_and_errors_are_those_of_weighted_least_squares(scene):
    fit = fitted(scene)
    for k, group in enumerate(GROUPS):
        column, row = (int(np.round(c)) for c in np.round(np.array(group[0][:2]) + [0.7, -0.7]))
        places = [(fit.x[k], fit.y[k])] + [star[:2] for star in group[1:]]
        expected = least_squares(scene, places, column, row)
        assert (fit.flux[k], fit.flux_err[k]) == pytest.approx(expected, rel=2e-3)


def least_squares(scene, places, column, row):
    """Flux and error of the first of some stars on a square, with a sky."""
    half = round(LIMITS.fit_fwhm * float(PSF.fwhm_at(SHAPE[1] / 2, SHAPE[0] / 2)))
    rows, columns = (slice(max(c - half, 0), c + half + 1) for c in (row, column))
    terms = [np.ones(SHAPE)[rows, columns].ravel()]
    for x, y in places:
        light = np.zeros((SHAPE[0] + 100, SHAPE[1] + 100))
        i, j = round(x) + 50, round(y) + 50
        light[j - 30 : j + 31, i - 30 : i + 31] = PSF.stamps([x], [y], 61)[0]
        terms.append(light[50:-50, 50:-50][rows, columns].ravel())
    root = np.sqrt(scene.weight[rows, columns].ravel())
    matrix = np.array(terms).T * root[:, None]
    values = np.linalg.lstsq(matrix, scene.data[rows, columns].ravel() * root)[0]
    return values[1], np.sqrt(np.linalg.inv(matrix.T @ matrix)[1, 1])


def test_pixels_without_weight_do_not_count(scene):
    before = fitted(scene)
    data, weight = scene.data.copy(), scene.weight.copy()
    data[225:229, 238:243], weight[225:229, 238:243] = np.nan, 0
    after = fitted_alone(unmodelled(data, weight), 240.0, 230.0)
    assert after.flux[0] == pytest.approx(before.flux[2], abs=4 * after.flux_err[0])
    assert after.quality[0] < before.quality[2] == pytest.approx(1)


def test_a_peak_without_usable_pixels_has_no_significance(scene):
    fit = fitted_alone(unmodelled(scene.data, np.zeros(SHAPE)), 99.0, 99.0)
    assert np.isfinite(fit.flux[0])
    assert fit.flux[0] / fit.flux_err[0] == pytest.approx(0, abs=1e-6)
    assert fit.quality[0] == 0
