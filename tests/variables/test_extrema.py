"""Ranges and times of extrema of light curves with a known shape."""

import numpy as np
import pytest

from variables.science.extrema import extremum_time, magnitude_range


def eclipsing(n=300, seed=1, noise=0.01):
    """days, mag and mag_err of eclipses of 0.8 and 0.3 mag; the deeper at day 100.2 and on."""
    rng = np.random.default_rng(seed)
    days, error = np.sort(rng.uniform(0, 400, n)), np.full(n, noise)
    phase = ((days - 100.2) / 1.7 + 0.5) % 1 - 0.5
    second = np.abs(np.abs(phase) - 0.5)
    mag = 17 + 0.8 * np.exp(-((phase / 0.06) ** 2)) + 0.3 * np.exp(-((second / 0.06) ** 2))
    return days, mag + rng.normal(0, error), error


def test_the_minimum_of_an_eclipsing_star_is_its_deeper_eclipse():
    found = extremum_time(*eclipsing(), 1.7, is_minimum=True)
    assert ((found - 100.2) / 1.7 + 0.5) % 1 - 0.5 == pytest.approx(0, abs=0.005)


def test_the_maximum_of_a_pulsating_star_is_where_it_is_brightest():
    rng = np.random.default_rng(2)
    days, error = np.sort(rng.uniform(0, 90, 120)), np.full(120, 0.02)
    turn = 2 * np.pi * (days - 30.1) / 0.55
    mag = 16 - 0.4 * np.cos(turn) - 0.15 * np.cos(2 * turn) + rng.normal(0, error)
    found = extremum_time(days, mag, error, 0.55, is_minimum=False)
    assert ((found - 30.1) / 0.55 + 0.5) % 1 - 0.5 == pytest.approx(0, abs=0.01)


def test_the_time_is_the_nearest_to_the_middle_of_the_measurements():
    days, mag, error = eclipsing()
    assert abs(extremum_time(days, mag, error, 1.7, is_minimum=True) - days.mean()) <= 0.86


def test_too_few_measurements_have_no_extremum():
    days, mag, error = (column[:5] for column in eclipsing())
    assert np.isnan(extremum_time(days, mag, error, 1.7, is_minimum=True))


def test_a_range_leaves_out_what_is_measured_badly():
    mag, error = np.linspace(16, 17, 50), np.full(50, 0.02)
    mag[10], error[10] = 12.0, 0.5
    assert magnitude_range(mag, error) == pytest.approx((16, 17), abs=0.02)


def test_a_range_of_nothing_is_unknown():
    assert np.isnan(magnitude_range(np.array([np.nan]), np.array([0.1]))).all()
