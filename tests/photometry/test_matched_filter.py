"""Sums over small windows of an image are those that the textbook has."""

import numpy as np
from scipy.signal import convolve2d, correlate2d

from photometry.science.detection.matched_filter import (
    filtered,
    maxima,
    significance,
    summed_squares,
)

RNG = np.random.default_rng(3)
SHAPE = (57, 83)


def test_a_star_alone_is_as_bright_as_weighted_least_squares_have_it():
    stamp = RNG.uniform(0, 1, (13, 13)).astype("f4")
    data, weight = RNG.normal(size=SHAPE), RNG.uniform(0, 2, SHAPE)
    weight[20:25, 30:60] = 0
    signal, information = filtered(data, weight, stamp)
    assert np.allclose(signal, correlate2d(weight * data, stamp, mode="same"), atol=1e-4)
    assert np.allclose(information, correlate2d(weight, stamp**2, mode="same"), rtol=1e-4)


def test_pixels_far_from_usable_ones_have_a_large_error_but_a_finite_one():
    weight = np.zeros(SHAPE)
    weight[0, 0] = 1
    _, information = filtered(weight, weight, np.ones((3, 3)))
    assert information.min() > 0


def test_squares_add_up_round_each_position_also_beyond_the_edge():
    table = RNG.uniform(0, 1, (15, 15))
    x, y = RNG.uniform(-3, SHAPE[1] + 3, 200), RNG.uniform(-3, SHAPE[0] + 3, 200)
    values = RNG.uniform(0, 100, 200)
    values[:5] = np.nan
    placed = np.zeros(SHAPE)
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    on_it = (column >= 0) & (column < SHAPE[1]) & (row >= 0) & (row < SHAPE[0])
    on_it &= np.isfinite(values)
    np.add.at(placed, (row[on_it], column[on_it]), values[on_it] ** 2)
    expected = convolve2d(placed, table, mode="same")
    assert np.allclose(summed_squares(x, y, values, table, SHAPE), expected, rtol=1e-4)


def test_significance_counts_noise_and_the_model_and_masked_pixels_have_none():
    images = np.array([[[6.0, 6.0, 6.0]], [[4.0, 4.0, 4.0]], [[0.0, 2.0, 0.0]], [[1.0, 1.0, 0.0]]])
    expected = [1.5 / 0.5, 1.5 / 1.5, 0.0]
    assert np.allclose(significance(*images.astype("f4"))[0], expected)


def test_maxima_are_pixels_that_no_neighbour_exceeds_the_highest_first():
    image = np.zeros(SHAPE, np.float32)
    for y, x, value in ((0, 0, 5.0), (30, 40, 9.0), (31, 41, 8.0), (56, 82, 7.0), (10, 10, 2.0)):
        image[y, x] = value
    x, y = maxima(image, 3.0)
    assert list(zip(x.tolist(), y.tolist(), strict=True)) == [(40, 30), (82, 56), (0, 0)]
