from dataclasses import replace

import numpy as np
import pytest

from photometry.science.detection.fit_quality import fit_quality
from photometry.science.detection.fit_stamps import Stamps, cut_out
from photometry.science.detection.joint_fit import Sweeps, fit_jointly
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.weighted_image import WeightedImage
from tests.builders.crowded_scene import varying_psf

SHAPE = (60, 70)
# A blend, a star alone, and one at the edge.
X, Y = np.array([20.2, 22.9, 50.4, 0.3]), np.array([30.1, 31.6, 15.8, 40.2])
FLUX = np.array([5000.0, 2000.0, 3000.0, 4000.0])


def observed(seed=1, sigma=3.0, shift=(0.0, 0.0)):
    """Data, weight with a hole, and the stamps of stars that lie ``shift`` from X, Y."""
    psf = varying_psf()
    stamps = Stamps.render(psf, X, Y, np.full(4, 12))
    moved = Stamps.render(psf, X + shift[0], Y + shift[1], np.full(4, 12))
    weight = np.full(SHAPE, 1 / sigma**2, np.float32)
    weight[28:30, 24:27] = 0
    noise = np.random.default_rng(seed).normal(0, sigma, SHAPE)
    return (image_of(moved) @ FLUX).reshape(SHAPE) + noise, weight, stamps


def image_of(stamps):
    """(n_pixels, n) unit stars as columns, without the stamps' outermost pixels."""
    columns = []
    for k in range(len(stamps)):
        side, first = stamps.size[k], stamps.first[k]
        image = np.zeros((SHAPE[0] + 200, SHAPE[1] + 200))
        inner = stamps.values[first : first + side**2].reshape(side, side)[1:-1, 1:-1]
        row, column = stamps.row[k] + 101, stamps.column[k] + 101
        image[row : row + side - 2, column : column + side - 2] = inner
        columns.append(image[100:-100, 100:-100].ravel())
    return np.array(columns).T


def test_sweeps_converge_to_the_least_squares_fluxes():
    data, weight, stamps = observed()
    root = np.sqrt(weight).ravel()
    matrix = image_of(stamps) * root[:, None]
    truth = np.linalg.lstsq(matrix, data.ravel() * root, rcond=None)[0]
    fit = fit_jointly(data, weight, stamps, np.zeros(4), Sweeps(30, shifts=False))
    assert fit.flux == pytest.approx(truth, rel=1e-4)
    assert fit.residual.ravel() == pytest.approx(data.ravel() - image_of(stamps) @ truth, abs=0.05)


def test_stars_that_rest_while_others_are_fitted_are_as_the_least_squares_have_them():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(2, SHAPE[1] - 3, 60), rng.uniform(2, SHAPE[0] - 3, 60)
    stamps = Stamps.render(varying_psf(2.5), x, y, np.full(60, 12))
    weight, matrix = np.full(SHAPE, 0.1, np.float32), image_of(stamps)
    data = (matrix @ rng.uniform(100, 5000, 60)).reshape(SHAPE) + rng.normal(0, 10**0.5, SHAPE)
    truth = np.linalg.lstsq(matrix, data.ravel(), rcond=None)[0]
    fit = fit_jointly(data, weight, stamps, np.zeros(60), Sweeps(100, shifts=False))
    assert np.abs((fit.flux - truth) / fit.flux_err).max() < 0.2
    assert fit.residual.ravel() == pytest.approx(data.ravel() - matrix @ fit.flux, abs=0.05)


def test_common_shift_of_blended_stars_is_found():
    data, weight, stamps = observed(sigma=1.0, shift=(0.2, -0.1))
    fit = fit_jointly(data, weight, stamps, np.zeros(4), Sweeps(30))
    # Of the star at the edge half is seen.
    assert fit.dx == pytest.approx(np.full(4, 0.2), abs=0.05)
    assert fit.dy == pytest.approx(np.full(4, -0.1), abs=0.05)
    assert fit.flux == pytest.approx(FLUX, rel=0.03)


def test_quality_tells_error_chi2_and_coverage():
    rchi2 = []
    for seed in range(20):
        data, weight, stamps = observed(seed)
        fit = fit_jointly(data, weight, stamps, np.zeros(4), Sweeps(30, shifts=False))
        quality = fit_quality(data.astype("f4"), weight, stamps, fit)
        rchi2.append(quality.rchi2)
    # A little below 1: each star takes one degree of freedom.
    assert np.mean(rchi2, axis=0) == pytest.approx(np.full(4, 0.95), abs=0.15)
    assert quality.quality[2] == pytest.approx(1)
    assert 0.4 < quality.quality[3] < 0.7  # half of it is off the image
    assert quality.fracflux[2] == pytest.approx(1, abs=0.02)
    assert quality.fracflux[1] < 0.7
    alone = varying_psf().stamps(X[2:3], Y[2:3], 19)[0]
    assert quality.flux_err[2] == pytest.approx(3 / np.sqrt((alone**2).sum()), rel=0.01)


def test_masked_star_keeps_its_guess_and_has_an_infinite_error():
    data, weight, stamps = observed()
    weight[:, 35:] = 0
    fit = fit_jointly(data, weight, stamps, np.full(4, 7.0), Sweeps(5))
    assert fit.flux[2] == 7
    assert np.isinf(fit_quality(data.astype("f4"), weight, stamps, fit).flux_err[2])


def test_cut_outs_beyond_the_edge_are_zero():
    image = np.arange(20.0).reshape(4, 5) + 1
    stamp = cut_out(image, np.array([0.2]), np.array([3.4]), 3)[0]
    assert stamp.tolist() == [[0, 11, 12], [0, 16, 17], [0, 0, 0]]


def test_rchi2_is_not_negative_where_the_psf_is():
    """What is left far from a star, where a spline of the PSF is negative, is no negative chi2."""
    core = np.zeros((1, 15, 15))
    core[0, 1, 7] = -0.02
    psf = replace(varying_psf(), core=core)
    x, y = np.array([30.0]), np.array([30.0])
    stamps = Stamps.render(psf, x, y, np.array([12]))
    assert stamps.values.min() < 0
    data, weight = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)
    data[24, 30] = 1e4
    fit = fit_jointly(data, weight, stamps, np.zeros(1), Sweeps(1, shifts=False))
    assert fit_quality(data, weight, stamps, fit).rchi2[0] >= 0
    one = ForcedStars(x, y, np.ones(1), np.ones(1, int))
    forced = fit_fluxes(WeightedImage(data, weight, np.zeros(SHAPE, "u1")), psf, one)
    assert forced.rchi2[0] >= 0
