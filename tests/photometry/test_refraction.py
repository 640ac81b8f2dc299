"""Differential refraction: the shift of stars with colour, and images corrected for it."""

import numpy as np
import pytest

from photometry.science.refraction import Refraction, fit_refraction


def offsets_of(n, x_per_mag, y_per_mag, error=0.03, seed=1):
    """dx, dy and colours of stars that are off by some pixels a magnitude, and a constant."""
    rng = np.random.default_rng(seed)
    colours = rng.normal(1.8, 0.4, n)
    noise = rng.normal(0, error, (2, n))
    return x_per_mag * colours + 0.02 + noise[0], y_per_mag * colours - 0.01 + noise[1], colours


def test_the_shift_with_colour_is_found_and_is_that_of_stars_of_other_colours_than_most():
    found = fit_refraction(*offsets_of(400, 0.06, -0.09))
    assert (found.x, found.y) == pytest.approx((0.06, -0.09), abs=4 * 0.03 / 0.4 / 20)
    assert found.middle == pytest.approx(1.8, abs=0.1) and found.n_used > 380
    dx, dy = found.shift(np.array([found.middle, found.middle + 1, np.nan]))
    assert dx == pytest.approx([0, found.x, 0]) and dy == pytest.approx([0, found.y, 0])


def test_wrong_matches_have_no_part_in_it():
    dx, dy, colours = offsets_of(400, 0.06, -0.09)
    dx[::20] += 1.2
    dy[1::20] -= 0.8
    found = fit_refraction(dx, dy, colours)
    assert (found.x, found.y) == pytest.approx((0.06, -0.09), abs=4 * 0.03 / 0.4 / 20)


def test_without_colours_nothing_is_shifted():
    dx, dy, colours = offsets_of(60, 0.06, 0.0)
    colours[:20] = np.nan
    assert fit_refraction(dx, dy, colours) == Refraction()
    assert fit_refraction(dx[:0], dy[:0], colours[:0]).shift(colours)[0].tolist() == [0.0] * 60
