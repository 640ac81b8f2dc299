"""Periods of many stars at once: the search, the choice among aliases, and what is no period."""

from functools import cache

import numpy as np
import pytest
from astropy.timeseries import LombScargle

from benchmarks.simulated_stars import epochs as survey_epochs
from benchmarks.simulated_stars import (
    measured,
    periodic_stars,
    stars_of_two_runs,
    unperiodic_stars,
)
from variables.science.period_options import PeriodOptions
from variables.science.periodicity import periodograms as periodogram_module
from variables.science.periodicity import search
from variables.science.periodicity.aliases import Alias, named_aliases, window_frequencies
from variables.science.periodicity.curve_matrices import CurveMatrix, excess_scatter, scaled
from variables.science.periodicity.fourier_equations import (
    MEAN_VARIANCE,
    FourierModels,
    StarCurve,
)
from variables.science.periodicity.fourier_evidence import evidences
from variables.science.periodicity.fourier_series import fourier_fits, shapes
from variables.science.periodicity.frequencies import FrequencyGrid
from variables.science.periodicity.periodogram_power import (
    harmonic_sums,
    strongest,
    strongest_sums,
)
from variables.science.periodicity.periodograms import periodograms
from variables.science.periodicity.search import periods_of_stars

OPTIONS = PeriodOptions()
LONGER = PeriodOptions(min_days=0.2)  # fewer frequencies
N_STARS = 24


def noise(n_stars=4, n_epochs=60, seed=1):
    rng = np.random.default_rng(seed)
    days, band = survey_epochs(rng, n_epochs), np.arange(n_epochs) % 2
    return measured(rng, days, band, np.zeros((n_stars, n_epochs)))


def sinusoids(period, amplitude=0.3, n_epochs=80, seed=2):
    rng = np.random.default_rng(seed)
    days, band = survey_epochs(rng, n_epochs), np.zeros(n_epochs, int)
    turns = days / np.atleast_1d(period)[:, None]
    return measured(rng, days, band, amplitude * np.sin(2 * np.pi * turns))


@cache
def found(kind, n_epochs=100):
    curves, periods = periodic_stars(kind, N_STARS, n_epochs, seed=3)
    return curves, periods, periods_of_stars(curves, OPTIONS)


def cycles_off(found, periods, span):
    """By how many cycles over the span each frequency of each star is off."""
    return np.abs(1 / found.days - 1 / periods[:, None]) * span


def test_periodograms_of_many_stars_are_those_of_each():
    curves = noise()
    one = CurveMatrix(curves.days, np.zeros(len(curves.days), int), curves.mag, curves.mag_err)
    grid = FrequencyGrid(step=0.0013, first=3, n=4000)
    power = periodograms(scaled(one), grid)
    known = np.isfinite(one.mag)
    for star in range(len(one.mag)):
        of = known[star]
        weight = scaled(one).weight[star, of]
        alone = LombScargle(one.days[of], one.mag[star, of], weight**-0.5)
        np.testing.assert_allclose(power[star], alone.power(grid.frequency), atol=0.006)


def test_filters_have_a_mean_each_and_a_sinusoid_in_common():
    curves = noise(1)
    curves.mag[0, curves.band == 1] -= 3  # a colour
    ready = scaled(curves)
    grid = FrequencyGrid(step=0.01, first=7, n=50)
    power = periodograms(ready, grid)[0]
    of = np.isfinite(curves.mag[0])
    share = ready.amplitude[0, curves.band[of]]
    root = np.sqrt(ready.weight[0, of])
    means = (curves.band[of] == np.arange(2)[:, None]) * root
    value = ready.value[0, of] * root
    left = value - means.T @ np.linalg.lstsq(means.T, value)[0]
    for k, frequency in enumerate(grid.frequency):
        angle = 2 * np.pi * frequency * ready.days[of]
        terms = np.array([*means, root * share * np.cos(angle), root * share * np.sin(angle)])
        rest = value - terms.T @ np.linalg.lstsq(terms.T, value)[0]
        assert power[k] == pytest.approx(1 - rest @ rest / (left @ left), abs=0.006)


def test_scatter_beyond_the_errors_is_unbiased_and_zero_without():
    rng = np.random.default_rng(4)
    error = rng.uniform(0.01, 0.05, (400, 50))
    mag = rng.normal(0, np.hypot(error, 0.1))
    excess, _ = excess_scatter(mag, error**2)
    assert np.mean(excess) == pytest.approx(0.01, rel=0.03)
    excess, _ = excess_scatter(rng.normal(0, 0.5 * error), error**2)
    assert np.all(excess == 0)


MISFIT = 0.1


def gaussian_model(order=4, n=50):
    """A curve in two filters, priors, means and harmonics with their variances, and weights."""
    rng = np.random.default_rng(5)
    days, band = rng.uniform(-300, 300, n), rng.integers(0, 2, n)
    variance, amplitude = 1 / rng.uniform(4, 30, n), np.array([1.1, 0.7])
    curve = StarCurve(days, band, rng.normal(size=n), variance, amplitude)
    prior = 0.6 * np.arange(1.0, order + 1) ** -2
    angle = 2 * np.pi * 0.731 * days * np.arange(1, order + 1)[:, None]
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, n)
    terms = np.concatenate([band == np.arange(2)[:, None], amplitude[band] * waves])
    weight = 1 / (variance + (MISFIT * amplitude[band]) ** 2)
    return curve, prior, terms, np.concatenate([[MEAN_VARIANCE] * 2, np.repeat(prior, 2)]), weight


def test_evidence_is_the_probability_of_the_values_with_all_amplitudes_integrated():
    curve, prior, terms, variances, weight = gaussian_model()
    logarithms = evidences(np.array([0.731]), curve, MISFIT, prior)[0]
    for order in range(5):
        n = 2 + 2 * order
        covariance = np.diag(1 / weight)
        covariance += terms[:n].T * variances[:n] @ terms[:n]
        chi2 = curve.value @ np.linalg.solve(covariance, curve.value)
        expected = -0.5 * (chi2 + np.linalg.slogdet(covariance)[1])
        assert logarithms[order] == pytest.approx(expected, abs=1e-7)


def test_a_fourier_fit_is_that_of_least_squares_with_the_prior():
    curve, prior, terms, variances, weight = gaussian_model()
    models = FourierModels(np.array([0.731]), np.array([MISFIT]), np.array([4]), prior[None])
    solved = fourier_fits(models, curve)[0]
    matrix = terms * weight @ terms.T + np.diag(1 / variances)
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, terms @ (weight * curve.value)))
    series = shapes(solved[2:], 0.731, curve.days)
    whole = solved[:2][curve.band] + curve.amplitude[curve.band] * series
    np.testing.assert_allclose(whole, solved @ terms, atol=1e-9)


def test_the_strongest_peaks_are_maxima_apart_from_each_other():
    rng = np.random.default_rng(6)
    power = rng.random((3, 500)).astype("f4")
    for row, at in zip(power, strongest(power, 4, 6), strict=True):
        assert row[at[0]] == row.max()
        assert np.all(np.diff(row[at]) <= 0)
        assert np.diff(np.sort(at)).min() >= 4
    assert np.all(strongest(np.ones((1, 5), "f4"), 1, 3)[0, 1:] == -1)


@pytest.mark.parametrize("kind", ["rr_lyrae", "cepheids", "delta_scuti", "long_period"])
def test_the_first_period_of_a_pulsating_star_is_its_own(kind):
    curves, periods, first = found(kind)
    off = cycles_off(first, periods, curves.span)[:, 0]
    assert np.mean(off < 0.1) >= 0.95
    assert np.mean(first.are_periodic(OPTIONS)) >= 0.9


def test_errors_of_periods_are_how_far_they_are_off():
    pulls = []
    for kind in ("rr_lyrae", "cepheids", "delta_scuti", "long_period"):
        _, periods, first = found(kind)
        pulls.append((first.days[:, 0] - periods) / first.error_days[:, 0])
    pulls = np.concatenate(pulls)
    spread = 1.4826 * np.median(np.abs(pulls))
    assert 0.75 < spread < 1.3


def test_an_eclipsing_star_with_unequal_minima_has_the_period_of_its_orbit():
    rng = np.random.default_rng(8)
    days, band = survey_epochs(rng, 120), np.zeros(120, int)
    periods = rng.uniform(0.5, 2, 12)
    turn = (days / periods[:, None] + rng.random((12, 1))) % 1
    eclipse = [np.exp(-((((turn - c + 0.5) % 1 - 0.5) / 0.07) ** 2) / 2) for c in (0, 0.5)]
    curves = measured(rng, days, band, 0.5 * (eclipse[0] + 0.5 * eclipse[1]))
    first = periods_of_stars(curves, LONGER)
    assert np.mean(cycles_off(first, periods, curves.span)[:, 0] < 0.1) >= 0.9


def test_a_long_period_star_whose_amplitude_changes_has_one_cycle_a_period():
    """Fits of two or four cycles have the freedom to explain how cycles differ."""
    rng = np.random.default_rng(11)
    days, band = survey_epochs(rng, 100), np.arange(100) % 2
    periods = 10 ** rng.uniform(1.9, 2.5, N_STARS)
    change = 1 + 0.3 * np.sin(days / 200 + rng.uniform(0, 6, (N_STARS, 1)))
    cycles = np.sin(2 * np.pi * (days / periods[:, None] + rng.random((N_STARS, 1))))
    trend = rng.normal(0, 3e-4, (N_STARS, 1)) * days
    curves = measured(rng, days, band, 0.8 * change * cycles + trend)
    first = periods_of_stars(curves, LONGER)
    off = cycles_off(first, periods, curves.span)[:, 0]
    assert np.mean(off < 0.15) >= 0.9


def test_a_star_of_half_a_day_seen_from_one_site_in_two_runs_is_not_given_twice_its_period():
    curves, periods = stars_of_two_runs(200, seed=14)
    first = periods_of_stars(curves, LONGER)
    assert np.mean(first.days[:, 0] > 1.5 * periods) < 0.05


@pytest.mark.parametrize("kind", ["microlensing", "flares", "constant"])
@pytest.mark.parametrize("n_epochs", [40, 100])
def test_what_does_not_repeat_is_not_called_periodic(kind, n_epochs):
    curves = unperiodic_stars(kind, 100, n_epochs, seed=9)
    assert np.sum(periods_of_stars(curves, LONGER).are_periodic(LONGER)) <= 1


def test_shape_and_amplitude_are_those_of_the_star():
    rng = np.random.default_rng(10)
    days = survey_epochs(rng, 200)
    turn = 2 * np.pi * days / 0.6137
    signal = 0.4 * (np.cos(turn) + 0.4 * np.cos(2 * turn + 2.0) + 0.2 * np.cos(3 * turn + 4.0))
    curves = measured(rng, days, np.zeros(200, int), signal[None])
    first = periods_of_stars(curves, LONGER)
    grid = 2 * np.pi * np.arange(1000) / 1000
    series = np.cos(grid) + 0.4 * np.cos(2 * grid + 2.0) + 0.2 * np.cos(3 * grid + 4.0)
    assert first.amplitude_mag[0, 0] == pytest.approx(0.2 * np.ptp(series), rel=0.03)
    assert first.r21[0, 0] == pytest.approx(0.4, abs=0.03)
    assert first.phi21[0, 0] == pytest.approx(2.0, abs=0.1)
    assert first.r31[0, 0] == pytest.approx(0.2, abs=0.03)
    assert first.phi31[0, 0] == pytest.approx(4.0, abs=0.2)


def test_a_star_is_not_disturbed_by_another_of_its_catalogue():
    curves = sinusoids([0.61, 0.83, 1.7])
    alone = CurveMatrix(curves.days, curves.band, curves.mag[1:2], curves.mag_err[1:2])
    together, one = periods_of_stars(curves, LONGER), periods_of_stars(alone, LONGER)
    assert together.days[1, 0] == pytest.approx(one.days[0, 0], rel=1e-9)


def test_periods_are_the_same_however_many_stars_are_searched_at_once(monkeypatch):
    curves = sinusoids([0.61, 0.83, 1.7])
    together = periods_of_stars(curves, LONGER)
    monkeypatch.setattr(search, "POWERS_AT_ONCE", 1)
    alone = periods_of_stars(curves, LONGER)
    np.testing.assert_allclose(alone.days, together.days, rtol=1e-9)
    np.testing.assert_allclose(alone.amplitude_mag, together.amplitude_mag, rtol=1e-6)


def test_the_order_of_epochs_says_nothing():
    curves = sinusoids([0.61, 0.83])
    order = np.random.default_rng(12).permutation(len(curves.days))
    mixed = CurveMatrix(
        curves.days[order], curves.band[order], curves.mag[:, order], curves.mag_err[:, order]
    )
    first, second = periods_of_stars(curves, LONGER), periods_of_stars(mixed, LONGER)
    np.testing.assert_allclose(first.days, second.days, rtol=1e-9)
    np.testing.assert_allclose(first.false_alarm, second.false_alarm, rtol=1e-6)


def test_an_outlier_moves_no_period():
    curves = sinusoids(0.7312)
    at = np.flatnonzero(np.isfinite(curves.mag[0]))[5]
    curves.mag[0, at] += 2
    first = periods_of_stars(curves, LONGER)
    assert cycles_off(first, np.array([0.7312]), curves.span)[0, 0] < 0.02


def test_stars_without_enough_measurements_have_no_period():
    curves = sinusoids([0.7, 0.8, 0.9])
    curves.mag[0] = np.nan
    curves.mag[1, 5:] = np.nan
    first = periods_of_stars(curves, LONGER)
    assert np.all(np.isnan(first.days[:2])) and np.isfinite(first.days[2, 0])
    assert not first.are_periodic(LONGER)[:2].any()
    nobody = CurveMatrix(curves.days, curves.band, curves.mag[:0], curves.mag_err[:0])
    assert periods_of_stars(nobody, LONGER).days.shape == (0, LONGER.n_periods)


def test_two_identical_magnitudes_everywhere_are_no_period():
    curves = sinusoids(0.7)
    curves.mag[:] = 17
    assert not periods_of_stars(curves, LONGER).are_periodic(LONGER).any()


def test_a_star_that_only_rises_or_falls_has_no_endless_period():
    curves = sinusoids(np.full(6, 0.7), n_epochs=40)
    slopes = 10.0 ** -np.arange(6)
    curves.mag[:] = 17 + slopes[:, None] * curves.days + 1e-4 * np.sin(curves.days)
    days = periods_of_stars(curves, OPTIONS).days
    assert 0 < days[np.isfinite(days)].max() < 13 * np.ptp(curves.days)


def test_aliases_are_named_by_what_they_are_of():
    true = 1 / 0.61
    frequency = np.array([true, true + 1.0, 2 * true, true / 2, true - 1 / 365.25, 3.3, np.nan])
    kinds, of = named_aliases(np.array([frequency, frequency[::-1]]), 1000.0, np.array([0.4]))
    expected = [Alias.NONE, Alias.DAY, Alias.HALF, Alias.DOUBLE, Alias.YEAR, Alias.NONE, Alias.NONE]
    assert list(kinds[0]) == expected
    assert list(of[0]) == [0, 1, 1, 1, 1, 0, 0]
    assert list(kinds[1, :2]) == [Alias.NONE] * 2


def test_the_spectral_window_of_two_runs_has_a_peak_at_the_inverse_of_their_distance():
    nights = np.concatenate([np.arange(6), 331 + np.arange(7)])
    days = (nights[:, None] + np.linspace(-0.15, 0.15, 20)).ravel()
    assert np.abs(window_frequencies(days) - 2 / 331).min() < 2e-4


def test_sums_over_harmonics_take_the_mean_for_those_beyond_the_last():
    power = np.random.default_rng(13).random((2, 40)).astype("f4")
    for row in power:
        total = np.empty_like(row)
        harmonic_sums(row, 3, 4, total)
        for k in range(40):
            places = [h * (3 + k) - 3 for h in (1, 2, 3, 4)]
            expected = [row[at] if at < 40 else row.mean() for at in places]
            assert total[k] == pytest.approx(np.sum(expected), rel=1e-5)
    assert strongest_sums(power, 3, 4, 3, 1)[1, 0] == np.argmax(total)


@pytest.mark.parametrize("n", [4000, 4001])
def test_sums_between_every_second_frequency_are_those_of_all(n, monkeypatch):
    ready = scaled(noise(n_epochs=90))
    grid = FrequencyGrid(step=0.2 / np.ptp(ready.days), first=3, n=n)
    power = periodograms(ready, grid)
    monkeypatch.setattr(periodogram_module, "MOST_TURNS", 0)
    np.testing.assert_allclose(power, periodograms(ready, grid), atol=3e-4)


def test_periodograms_do_not_depend_on_how_many_stars_fit_into_the_cache(monkeypatch):
    ready = scaled(noise(n_stars=5))
    grid = FrequencyGrid(step=0.2 / np.ptp(ready.days), first=3, n=3000)
    together = periodograms(ready, grid)
    monkeypatch.setattr(periodogram_module, "STARS_IN_CACHE", 2)
    np.testing.assert_allclose(periodograms(ready, grid), together, atol=1e-5)
