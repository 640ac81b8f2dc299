"""Light curves in several filters, about their means, as one set of measurements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from exposures.science.arrays import Float, FloatArray, IntArray
from variables.science.period_options import PeriodOptions

MAG_RESOLUTION = 2e-6  # magnitudes of single precision are no closer to each other
LAST_MJD = 100_000.0  # what older versions stored beyond is no time


@dataclass(frozen=True)
class CentredCurves:
    """Measurements in all filters about their means; arrays (n,) in days and mag."""

    days: np.ndarray  # from the first epoch
    mag: np.ndarray
    own_error: np.ndarray  # as measured
    error: np.ndarray  # with what the star scatters beyond that
    curve: np.ndarray  # which light curve each is of

    @property
    def span(self) -> Float:
        """Days from the first epoch to the last, a number."""
        return np.ptp(self.days)


def centred(curves: Iterable[Sequence[ArrayLike]], options: PeriodOptions) -> CentredCurves | None:
    """The CentredCurves of (mjd, mag, mag_err) arrays; None if too few, or all the same.

    ``curves`` is a list of triples of (n,) MJD, mag, mag, one of each filter. What is not finite,
    or has no positive error, is left out; epochs of a curve at the same time are averaged. Curves
    of fewer than ``min_epochs_a_filter`` are left out.
    """
    usable = [_usable(*curve) for curve in curves]
    usable = [known for known in usable if known.shape[1] >= options.min_epochs_a_filter]
    if not usable:
        return None
    mjd, mag, error = np.concatenate(usable, axis=1)
    curve = np.repeat(np.arange(len(usable)), [known.shape[1] for known in usable])
    days = mjd - mjd.min()
    if len(np.unique(days)) < options.min_epochs or np.ptp(days) <= 2 * options.min_days:
        return None
    enlarged = enlarged_errors(mag, error, curve)
    mag = mag - _means(mag, enlarged, curve)[curve]
    if np.abs(mag).max() < MAG_RESOLUTION:
        return None
    return CentredCurves(days, mag, error, enlarged, curve)


def _usable(mjd: ArrayLike, mag: ArrayLike, mag_err: ArrayLike) -> FloatArray:
    """(3, n) finite measurements of a light curve by time; simultaneous epochs are averaged."""
    columns = np.array([mjd, mag, mag_err], float)
    known = np.isfinite(columns).all(axis=0) & (columns[2] > 0)
    known &= (columns[0] > 0) & (columns[0] < LAST_MJD)
    mjd, mag, error = columns[:, known]
    times, of = np.unique(mjd, return_inverse=True)
    weight = np.bincount(of, error**-2.0, len(times))
    mean = np.bincount(of, mag * error**-2.0, len(times)) / weight
    return np.array([times, mean, weight**-0.5])


def _means(mag: FloatArray, error: FloatArray, curve: IntArray) -> FloatArray:
    """The weighted mean of each curve."""
    return np.bincount(curve, mag / error**2) / np.bincount(curve, error**-2.0)


def enlarged_errors(mag: FloatArray, error: FloatArray, curve: IntArray) -> FloatArray:
    """(n,) mag errors with a scatter added in quadrature so that chi2/nu about the means is 1.

    ``mag`` and ``error`` (n,) mag, ``curve`` (n,) the number of each one's light curve. The errors
    as they are where chi2/nu is no more than 1, or nothing is free.
    """
    n_free = len(mag) - curve.max() - 1

    def excess(scatter: float) -> Float:
        total = np.hypot(error, scatter)
        left = mag - _means(mag, total, curve)[curve]
        return np.sum((left / total) ** 2) - n_free

    if n_free < 1 or excess(0.0) <= 0:
        return error
    return np.hypot(error, brentq(excess, 0.0, np.ptp(mag) * np.sqrt(len(mag))))
