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


def reddened(per_mag, seed=1, known=1.0, n=1000):
    """CatalogueCurves of constant stars that extinction makes fainter, red ones less.

    Also their colours in mag, of which a share is known, and each star's own part of it, in mag for
    a magnitude of colour and an airmass.
    """
    rng = np.random.default_rng(seed)
    colours = 1.5 + rng.gamma(2, 0.6, n)
    airmass = rng.uniform(1, 2, 60)
    slope = rng.normal(per_mag, 0.1 * per_mag, n)
    change = (slope * (colours - colours.mean()))[:, None] * (airmass - airmass.mean())
    mag = np.linspace(15, 17, n)[:, None] + change + rng.normal(0, ERROR, (n, 60))
    mag[rng.random(mag.shape) < 0.05] = np.nan
    mjd = 60000 + np.sort(rng.uniform(0, 300, 60))
    error = np.where(np.isfinite(mag), ERROR, np.nan).astype("f4")
    curves = CatalogueCurves(np.arange(n), np.arange(60), mjd, "g", mag.astype("f4"), error)
    colours[rng.random(n) > known] = np.nan
    return curves, colours


def statistics_of(curves):
    return matrix_statistics(curves.mjd, curves.mag, curves.mag_err)


def without_trends(curves, options=OPTIONS, colours=None):
    measured = statistics_of(curves)
    alone = np.ones(len(curves), bool)
    trends = find_trends(curves, measured, alone, options, colours)
    coefficients = star_coefficients(curves, measured, trends, colours)
    return trends, detrended(curves, trends, coefficients)


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
    assert coefficients[7, 0] == pytest.approx(usual, abs=2 * trends.components[0].spread)


def test_no_trend_leaves_curves_as_they_are():
    curves, _ = field()
    none = Trends.none(60)
    clean = detrended(curves, none, star_coefficients(curves, statistics_of(curves), none))
    assert np.array_equal(clean.mag, curves.mag, equal_nan=True)


def by_colour(trends):
    return [component.is_by_colour for component in trends.components]


def scatter_beyond_errors(curves, chosen):
    """Of stars, in mag squared for each measurement."""
    return np.nanmean(np.nanvar(curves.mag[chosen].astype("f8"), axis=1, ddof=1)) - ERROR**2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("per_mag", [0.006, 0.01, 0.03])
def test_what_extinction_does_to_red_stars_is_taken_off(per_mag, seed):
    curves, colours = reddened(per_mag, seed)
    red = np.argsort(colours)[-100:]
    trends, clean = without_trends(curves, colours=colours)
    assert by_colour(trends) == [True]
    before, after = (scatter_beyond_errors(c, red) for c in (curves, clean))
    assert after < 0.1 * before and abs(after) < 0.06 * ERROR**2
    # Others are no worse for it than by chance.
    assert scatter_beyond_errors(clean, np.argsort(colours)[:800]) < 0.01 * ERROR**2


@pytest.mark.parametrize("seed", range(4))
def test_colours_find_a_trend_that_is_hidden_without_them(seed):
    curves, colours = reddened(0.006, seed)
    assert len(without_trends(curves)[0]) == 0
    assert by_colour(without_trends(curves, colours=colours)[0]) == [True]


@pytest.mark.parametrize("seed", range(6))
def test_colours_that_have_nothing_to_do_with_it_make_no_trend(seed):
    curves, colours = reddened(0.0, seed)
    assert len(without_trends(curves, colours=colours)[0]) == 0
    curves, colours = reddened(0.03, seed)
    np.random.default_rng(seed).shuffle(colours)
    assert not any(by_colour(without_trends(curves, colours=colours)[0]))


def test_other_trends_are_found_beside_that_by_colour():
    curves, colours = reddened(0.01)
    rng = np.random.default_rng(8)
    shared = np.outer(rng.normal(1, 0.4, len(colours)), rng.normal(0, 0.02, 60))
    curves.mag[:] += shared.astype("f4")
    trends, clean = without_trends(curves, colours=colours)
    assert sorted(by_colour(trends)) == [False, True]
    assert np.median(statistics_of(clean).chi2_nu) == pytest.approx(1, abs=0.1)


def test_stars_of_unknown_colour_are_fitted_as_others_scatter():
    curves, colours = reddened(0.03, known=0.7)
    trends, clean = without_trends(curves, colours=colours)
    assert True in by_colour(trends)
    unknown = np.isnan(colours)
    before, after = (scatter_beyond_errors(c, unknown) for c in (curves, clean))
    assert 250 < unknown.sum() < 350 and after < 0.15 * before


def test_few_known_colours_make_no_trend():
    curves, colours = reddened(0.03)
    colours[39:] = np.nan
    assert not any(by_colour(without_trends(curves, colours=colours)[0]))
    same = np.full(len(colours), 1.5)
    assert not any(by_colour(without_trends(curves, colours=same)[0]))


def test_what_a_red_star_does_by_itself_stays_with_colours():
    curves, colours = reddened(0.01)
    red = np.argsort(colours)[-50:]
    phase = 2 * np.pi * curves.mjd / 40
    curves.mag[red] += 0.05 * np.sin(phase + np.arange(50)[:, None]).astype("f4")
    _, clean = without_trends(curves, colours=colours)
    left = np.nanstd(clean.mag[red], axis=1)
    assert np.median(left) == pytest.approx(np.hypot(0.05 / np.sqrt(2), ERROR), rel=0.05)
