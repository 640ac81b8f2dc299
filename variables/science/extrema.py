"""Ranges of light curves, and the times of their maxima and minima."""

import numpy as np

from exposures.science.arrays import Float, FloatArray

USUAL_ERRORS = 3.0  # median errors, beyond which a measurement says nothing about a range
OUTLYING = 0.01  # share of the measurements at either end that a range leaves out
MAX_HARMONICS = 8
EPOCHS_A_TERM = 3
N_PHASES = 2000  # at which a fitted curve is looked at


def magnitude_range(mag: FloatArray, mag_err: FloatArray) -> tuple[float, float]:
    """Brightest and faintest magnitude of a light curve: two numbers in mag; NaN without any.

    Of the measurements (n,) whose errors are up to three times the median one: between the 1st and
    the 99th percentile, which for less than a hundred lies just inside of the outermost two.
    """
    known = np.isfinite(mag) & np.isfinite(mag_err)
    mag, mag_err = mag[known], mag_err[known]
    if not len(mag):
        return np.nan, np.nan
    told = mag[mag_err <= USUAL_ERRORS * np.median(mag_err)]
    brightest, faintest = np.quantile(told, (OUTLYING, 1 - OUTLYING))
    return float(brightest), float(faintest)


def extremum_time(
    days: FloatArray, mag: FloatArray, mag_err: FloatArray, period_days: Float, is_minimum: bool
) -> float:
    """Time of a maximum of light, or of a minimum: a number of days, as ``days`` (n,); NaN if few.

    That of the harmonics that fit the magnitudes (n,) folded by the period best, as many as the
    Bayesian information criterion allows (Schwarz 1978, Ann. Statist. 6, 461), and of all such
    times the nearest to the middle of the measurements. ``mag`` and ``mag_err`` are in mag.
    """
    known = np.isfinite(mag) & np.isfinite(days) & (mag_err > 0)
    days, mag, weight = days[known], mag[known], 1 / mag_err[known]
    if len(days) < EPOCHS_A_TERM * 3:
        return np.nan
    middle = np.average(days, weights=weight**2)
    phase = (days - middle) / period_days
    fits = [
        _fit(phase, mag, weight, order)
        for order in range(1, MAX_HARMONICS + 1)
        if len(days) >= EPOCHS_A_TERM * (2 * order + 1)
    ]
    _, fit = min(fits, key=lambda found: found[0])
    grid = np.arange(N_PHASES) / N_PHASES - 0.5
    curve = _terms(grid, len(fit) // 2) @ fit
    # Brighter is smaller.
    best = grid[np.argmax(curve) if is_minimum else np.argmin(curve)]
    return float(middle + best * period_days)


def _terms(phase: FloatArray, order: int) -> FloatArray:
    """(n, 2 order + 1) columns of a constant, and of the harmonics."""
    angle = 2 * np.pi * phase[:, None] * np.arange(1, order + 1)
    return np.hstack([np.ones((len(phase), 1)), np.cos(angle), np.sin(angle)])


def _fit(
    phase: FloatArray, mag: FloatArray, weight: FloatArray, order: int
) -> tuple[float, FloatArray]:
    """The BIC of a fit of so many harmonics, and its coefficients."""
    terms = _terms(phase, order)
    fit = np.linalg.lstsq(terms * weight[:, None], mag * weight, rcond=None)[0]
    n = len(mag)
    # Errors by the scatter: those of the survey leave out what is not of photons.
    chi2 = max(float(np.sum(((mag - terms @ fit) * weight) ** 2)), 1e-9)
    return n * np.log(chi2 / n) + len(fit) * np.log(n), fit
