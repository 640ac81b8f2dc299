"""Periods of one star: how good they are, when none is claimed, what may be wrong with epochs."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from astropy.table import Table

from variables.candidates.periods import periods_told
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.science.periodicity.search import periods_of_stars

NOISE = 0.01  # mag
SPAN = 565.0  # days
# Fewer frequencies: what is tested of noise does not depend on how short periods are.
SLOW = PeriodOptions(min_days=0.5, n_periods=1)


def epochs(rng, n, span=SPAN):
    """Nights of a season or more, at different times of the night."""
    return np.sort(60000 + rng.choice(int(span), n, replace=False) + rng.uniform(0, 0.3, n))


def curve(mjd, mag, mag_err=NOISE):
    return mjd, mag, np.broadcast_to(mag_err, len(mjd))


def matrix(*curves):
    """The CurveMatrix of one star of its light curves in several filters."""
    mjd, mag, mag_err = (np.concatenate(column) for column in zip(*curves, strict=True))
    band = np.repeat(np.arange(len(curves)), [len(times) for times, *_ in curves])
    return CurveMatrix(mjd, band, mag[None], mag_err[None])


def search(*curves, options=SLOW):
    """(most probable period, whether it is claimed) of light curves in several filters."""
    found = periods_of_stars(matrix(*curves), options)
    return found.days[0, 0], found.are_periodic(options)[0]


def sinusoid(phase):
    return np.sin(2 * np.pi * phase)


def two_eclipses(phase):
    """Of two depths, an orbit a cycle."""
    away = [(phase - centre + 0.5) % 1 - 0.5 for centre in (0, 0.5)]
    return 2 * np.exp(-((away[0] / 0.1) ** 2)) + np.exp(-((away[1] / 0.1) ** 2))


def rr_lyrae(phase):
    """A quick rise and a slow decline."""
    phase = phase % 1
    return np.where(phase < 0.15, 0.5 - phase / 0.15, (phase - 0.15) / 0.85 - 0.5)


@cache
def stars(shape, n, n_epochs):
    """(true period, light curve, period found, whether it is claimed) of stars of a shape."""
    rng = np.random.default_rng(42)
    found = []
    for _ in range(n):
        mjd, period = epochs(rng, n_epochs), 10 ** rng.uniform(-0.2, 1.5)
        mag = 17 + rng.uniform(0.1, 0.5) * shape(mjd / period + rng.uniform())
        of = curve(mjd, mag + rng.normal(0, NOISE, n_epochs))
        found.append((period, of, *search(of)))
    return found


def cycles_off(found, period, span=SPAN):
    """By how many cycles over the span a period is off, or half or twice it."""
    return min(abs(1 / found - k / period) * span for k in (0.5, 1, 2))


def scatter(mjd, mag, period):
    """Of magnitudes about the best sinusoid of a period."""
    angle = 2 * np.pi * (mjd - mjd.mean()) / period
    terms = np.column_stack([np.ones(len(mjd)), np.cos(angle), np.sin(angle)])
    left = mag - terms @ np.linalg.lstsq(terms, mag, rcond=None)[0]
    return np.sqrt(np.sum(left**2) / (len(mjd) - 4))


def test_forty_sinusoids_scatter_about_their_folds_as_their_noise():
    found = stars(sinusoid, 40, 40)
    scatters = [scatter(of[0], of[1], best) for _, of, best, _ in found]
    assert np.median(scatters) == pytest.approx(NOISE, rel=0.05)
    assert np.max(scatters) < 1.5 * NOISE
    assert np.median([cycles_off(best, period) for period, _, best, _ in found]) < 0.004
    assert all(is_claimed for *_, is_claimed in found)


@pytest.mark.parametrize(
    ("shape", "largest"), [(two_eclipses, 0.008), (rr_lyrae, 0.012)], ids=["eclipses", "RR Lyrae"]
)
def test_other_shapes_are_refined_with_their_harmonics(shape, largest):
    off = [cycles_off(best, period) for period, _, best, _ in stars(shape, 10, 60)]
    assert np.median(off) < largest


def test_all_filters_refine_one_period_whatever_their_means():
    rng = np.random.default_rng(4)
    curves = []
    for mean, n in ((17, 12), (19, 9), (15, 3)):
        mjd = epochs(rng, n)
        curves.append(
            curve(mjd, mean + 0.3 * sinusoid(mjd / 3.217) + rng.normal(0, NOISE, len(mjd)))
        )
    best, is_claimed = search(*curves)
    assert cycles_off(best, 3.217) < 0.01 and is_claimed


def gaussian(rng, n):
    return rng.normal(17, 0.02, n), np.full(n, 0.02)


def underestimated(rng, n):
    """Errors that are a hundred times too small for a few."""
    return rng.normal(17, 0.1, n), np.where(np.arange(n) < 3, 0.001, 0.1)


def one_outlier(rng, n):
    return 17 + (np.arange(n) == rng.integers(n)), np.full(n, 0.02)


def two_values(rng, n):
    return 17 + 0.5 * rng.integers(0, 2, n), np.full(n, 0.02)


@pytest.mark.parametrize("noise", [gaussian, underestimated, one_outlier, two_values])
@pytest.mark.parametrize("n", [10, 40])
def test_noise_is_called_periodic_as_rarely_as_the_false_alarm_says(noise, n):
    rng = np.random.default_rng(8)
    n_claimed = 0
    for _ in range(25):
        mag, error = noise(rng, n)
        n_claimed += search((epochs(rng, n, 60), mag, error))[1]
    assert n_claimed <= 2


@pytest.mark.parametrize(
    "mag",
    [np.full(30, 17.0), np.full(30, 17.123456, "f4"), 17 + 1e-9 * np.arange(30)],
    ids=["equal", "single precision", "equal but for rounding"],
)
def test_magnitudes_that_are_all_the_same_have_no_period(mag):
    mjd = epochs(np.random.default_rng(1), 30)
    told = periods_told(matrix(curve(mjd, mag)))
    assert told["periods"] == [] and "are the same" in told["note"]


def told(mjd, mag, error=0.02, options=SLOW):
    return periods_told(matrix(curve(mjd, mag, error)), options)


def test_the_note_and_the_fold_agree():
    rng = np.random.default_rng(3)
    mjd = epochs(rng, 40, 60)
    noise = told(mjd, rng.normal(17, 0.02, 40))
    assert noise["periods"] and noise["fold"] is None and "No period stands out" in noise["note"]
    rising = told(mjd, 17 + (mjd - 60000) / 60)
    assert rising["fold"] is None and "No period was seen to repeat" in rising["note"]
    star = told(mjd, 17 + sinusoid(mjd / 0.613))
    assert star["fold"] == star["periods"][0]["days"] and "Found in 40 epochs" in star["note"]
    few = told(mjd[:2], np.array([17.0, 18.0]))
    assert few["periods"] == [] and few["fold"] is None and "Too few epochs" in few["note"]


def test_what_stands_out_is_an_option():
    rng = np.random.default_rng(3)
    mjd = epochs(rng, 40, 60)
    noise = mjd, rng.normal(17, 0.02, 40)
    assert told(*noise, options=replace(SLOW, max_false_alarm=1.0))["fold"] is not None
    assert told(*noise, options=replace(SLOW, min_epochs=41))["periods"] == []
    assert len(told(*noise, options=replace(SLOW, n_periods=2))["periods"]) == 2


@pytest.mark.parametrize(
    "mjd",
    [
        [],
        [60000.0],
        [60000.0, 60001.0],
        [60000.0] * 20,
        np.repeat([60000.0, 60003.0, 60004.5], 10),
        60000 + np.linspace(0, 0.08, 20),
    ],
    ids=["none", "one", "two", "one time", "three times", "two hours"],
)
def test_too_few_different_times_have_no_period(mjd):
    mag = 17 + np.random.default_rng(1).normal(0, 0.1, len(mjd))
    assert told(np.array(mjd), mag, options=PeriodOptions())["periods"] == []


@pytest.mark.parametrize("spacing", [0.25, 1.0])
def test_evenly_spaced_epochs_tell_the_longest_of_periods_that_are_alike(spacing):
    rng = np.random.default_rng(2)
    mjd = 60000 + spacing * np.sort(rng.choice(200, 60, replace=False))
    mag = 17 + 0.2 * sinusoid(mjd / 5.31) + rng.normal(0, NOISE, 60)
    best, is_claimed = search(curve(mjd, mag), options=PeriodOptions())
    assert cycles_off(best, 5.31, np.ptp(mjd)) < 0.02 and is_claimed


def test_a_period_within_one_night_is_found():
    rng = np.random.default_rng(2)
    mjd = np.sort(60000 + rng.uniform(0, 0.35, 60))
    mag = 17 + 0.2 * sinusoid(mjd / 0.0801) + rng.normal(0, NOISE, 60)
    best, is_claimed = search(curve(mjd, mag), options=PeriodOptions())
    assert cycles_off(best, 0.0801, 0.35) < 0.05 and is_claimed


def test_an_epoch_in_two_filters_tells_no_more_of_a_false_alarm_than_one():
    rng = np.random.default_rng(2)
    mjd = epochs(rng, 30)
    of = curve(mjd, 17 + 0.03 * sinusoid(mjd / 3.3) + rng.normal(0, NOISE, 30))
    once, twice = (periods_of_stars(matrix(*[of] * n), SLOW) for n in (1, 2))
    assert cycles_off(twice.days[0, 0], once.days[0, 0]) < 0.05
    assert twice.false_alarm[0, 0] > 0.1 * once.false_alarm[0, 0]


def test_epochs_without_an_error_or_a_magnitude_are_left_out():
    rng = np.random.default_rng(2)
    mjd = epochs(rng, 40)
    mag = 17 + 0.3 * sinusoid(mjd / 3.3) + rng.normal(0, NOISE, 40)
    error = np.full(40, NOISE)
    whole = search((mjd[6:], mag[6:], error[6:]))
    mag[:3], error[3:6] = [np.nan, np.inf, -np.inf], [np.nan, 0, -1]
    assert search((mjd, mag, error))[0] == pytest.approx(whole[0], rel=1e-6)


def test_epochs_with_large_errors_do_not_spoil_a_period():
    rng = np.random.default_rng(5)
    mjd = epochs(rng, 60)
    error = np.where(np.arange(60) % 2, NOISE, 0.3)
    mag = 17 + 0.2 * sinusoid(mjd / 3.3) + rng.normal(0, error)
    best, is_claimed = search((mjd, mag, error))
    assert cycles_off(best, 3.3) < 0.01 and is_claimed


def test_the_published_period_of_an_rr_lyrae_star_is_met_over_ten_years(real_data):
    folder = real_data / "light_curves" / "sdss_s82_rrlyrae"
    if not folder.is_dir():
        pytest.skip("no light curves of SDSS Stripe 82 among the test data")
    rows = Table.read(folder / "light_curves.csv.gz", format="csv")
    known = Table.read(folder / "periods.csv", format="csv")
    periods = dict(zip(known["Num"], known["Per"], strict=True))
    star = np.min(rows["id"])
    of = rows[rows["id"] == star]
    bands = [of[of["band"] == name] for name in "gri"]
    curves = [[np.array(b[c], float) for c in ("time", "mag", "magerr")] for b in bands]
    best, is_claimed = search(*curves, options=PeriodOptions(min_days=0.2))
    assert abs(1 / best - 1 / periods[star]) * np.ptp(of["time"]) < 0.02 and is_claimed
