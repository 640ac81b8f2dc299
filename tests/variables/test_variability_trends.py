"""Trends that stars share: found where they are, nothing else, and taken away."""

import numpy as np
import pytest

from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import matrix_statistics
from variables.science.variability.trends import (
    Trends,
    constant_stars,
    detrended,
    find_trends,
    star_coefficients,
)

N, ERROR = 300, 0.01
OPTIONS = VariabilityOptions()
ALONE = np.ones(N, bool)


def field(n_images=60, n_trends=2, size=0.02, seed=1):
    """CatalogueCurves of constant stars with trends, and what these are (N, n_images) mag."""
    rng = np.random.default_rng(seed)
    trend = rng.normal(1, 0.4, (N, n_trends)) @ rng.normal(0, size, (n_trends, n_images))
    mag = np.linspace(15, 17, N)[:, None] + trend + rng.normal(0, ERROR, (N, n_images))
    mag[rng.random(mag.shape) < 0.05] = np.nan
    ids = np.arange(N), np.arange(n_images)
    mjd = 60000 + np.sort(rng.uniform(0, 300, n_images))
    error = np.where(np.isfinite(mag), ERROR, np.nan).astype("f4")
    return CatalogueCurves(*ids, mjd, "i", mag.astype("f4"), error), trend


def statistics_of(curves):
    return matrix_statistics(curves.mjd, curves.mag, curves.mag_err)


def without_trends(curves, options=OPTIONS):
    measured = statistics_of(curves)
    trends = find_trends(curves, measured, ALONE, options)
    return trends, detrended(curves, trends, star_coefficients(curves, measured, trends))


@pytest.mark.parametrize("n_trends", [1, 2, 3])
def test_as_many_trends_are_found_as_there_are(n_trends):
    curves, _ = field(n_trends=n_trends)
    trends, clean = without_trends(curves)
    assert len(trends) == n_trends
    assert np.median(statistics_of(clean).chi2_nu) == pytest.approx(1, abs=0.15)
    assert np.median(statistics_of(curves).chi2_nu) > 3


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_trend(seed):
    curves, _ = field(n_trends=0, seed=seed)
    assert len(without_trends(curves)[0]) == 0


def test_few_images_and_few_stars_have_no_trend():
    assert len(without_trends(field(n_images=19)[0])[0]) == 0
    curves, _ = field()
    measured = statistics_of(curves)
    assert len(find_trends(curves, measured, np.arange(N) < 30)) == 0
    assert len(find_trends(curves, measured, ALONE, VariabilityOptions(max_trends=0))) == 0


def test_what_a_star_does_by_itself_stays():
    """A trend that constant stars share is hardly ever what a variable does."""
    curves, _ = field()
    phase = 2 * np.pi * curves.mjd / 40
    curves.mag[:20] += 0.05 * np.sin(phase + np.arange(20)[:, None]).astype("f4")
    _, clean = without_trends(curves)
    left = np.nanstd(clean.mag[:20], axis=1)
    assert np.median(left) == pytest.approx(np.hypot(0.05 / np.sqrt(2), ERROR), rel=0.08)


def test_variable_stars_make_no_trend_and_are_not_among_those_it_is_found_on():
    curves, _ = field(n_trends=0)
    slow = 0.2 * np.sin(2 * np.pi * curves.mjd / 500)
    curves.mag[::10] += slow.astype("f4")
    assert not constant_stars(curves, statistics_of(curves), ALONE)[::10].any()
    assert len(without_trends(curves)[0]) == 0


def test_stars_with_few_measurements_have_the_usual_trend():
    curves, _ = field(n_trends=1)
    curves.mag[7, 3:], curves.mag_err[7, 3:] = np.nan, np.nan
    measured = statistics_of(curves)
    trends = find_trends(curves, measured, ALONE)
    coefficients = star_coefficients(curves, measured, trends)
    usual = np.median(coefficients[:, 0])
    assert coefficients[7, 0] == pytest.approx(usual, abs=2 * trends.spread[0])


def test_no_trend_leaves_curves_as_they_are():
    curves, _ = field()
    none = Trends.none(60)
    clean = detrended(curves, none, star_coefficients(curves, statistics_of(curves), none))
    assert np.array_equal(clean.mag, curves.mag, equal_nan=True)
