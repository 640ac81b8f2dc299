"""Shares and offsets in bins with uncertainties: completeness, purity, bias."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.stats import binom_conf_interval, mad_std
from numpy.typing import ArrayLike

from exposures.science.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class Shares:
    """Numbers and shares (n_bins,) of the items in each bin that have a property."""

    n: np.ndarray  # things
    k: np.ndarray  # with the property
    share: np.ndarray  # NaN in empty bins
    low: np.ndarray  # 68.3 % interval
    high: np.ndarray


def shares(values: FloatArray, has_it: BoolArray, edges: ArrayLike) -> Shares:
    """Shares of ``has_it`` (m,) bool in bins of ``values`` (m,) between ``edges`` (n_bins + 1,).

    Values and edges in any unit. A bin holds its lower edge, not its upper, but the last, which
    holds both. The interval is Wilson's (1927, JASA 22, 209), which is sensible at none and at all,
    too. NaN in empty bins.
    """
    n = np.histogram(values, edges)[0]
    k = np.histogram(values[has_it], edges)[0]
    filled = n > 0
    share, low, high = (np.full(len(n), np.nan) for _ in range(3))
    share[filled] = k[filled] / n[filled]
    if filled.any():
        interval = binom_conf_interval(k[filled], n[filled], interval="wilson")
        low[filled], high[filled] = interval
    return Shares(n, k, share, low, high)


@dataclass(frozen=True)
class Offsets:
    """Medians and spreads in bins; arrays (n_bins,). NaN in bins of too few."""

    n: np.ndarray
    median: np.ndarray
    error: np.ndarray  # of the median
    spread: np.ndarray  # sigma, from the median absolute deviation


MIN_IN_A_BIN = 5


def offsets(
    values: FloatArray, differences: FloatArray, edges: Sequence[float] | FloatArray
) -> Offsets:
    """Median ``differences`` (m,) in bins of ``values`` (m,); differences of NaN are left out.

    Values and ``edges`` (n_bins + 1,) are in any unit, the differences in another, which the
    results have. The median's error is that of a Gaussian's, ``sqrt(pi / 2) sigma / sqrt(n)``. NaN
    in bins of fewer than MIN_IN_A_BIN.
    """
    good = np.isfinite(differences)
    values, differences = values[good], differences[good]
    n_bins = len(edges) - 1
    n = np.histogram(values, edges)[0]
    median, error, spread = (np.full(n_bins, np.nan) for _ in range(3))
    bin_of = np.digitize(values, edges) - 1
    for i in np.flatnonzero(n >= MIN_IN_A_BIN):
        inside = differences[bin_of == i]
        median[i], spread[i] = np.median(inside), mad_std(inside)
        error[i] = np.sqrt(np.pi / 2) * spread[i] / np.sqrt(len(inside))
    return Offsets(n, median, error, spread)


def crossing(edges: ArrayLike, share: FloatArray, level: float = 0.5) -> float:
    """The last value at which a falling share crosses a level, between bin centres; or NaN.

    A number in the unit of ``edges`` (n_bins + 1,); ``share`` (n_bins,) is 0 to 1, and bins where
    it is NaN are left out.
    """
    middle = (np.asarray(edges)[1:] + np.asarray(edges)[:-1]) / 2
    known = np.isfinite(share)
    middle, share = middle[known], share[known]
    falls = np.flatnonzero((share[:-1] >= level) & (share[1:] < level))
    if len(falls) == 0:
        return np.nan
    i = falls[-1]
    part = (share[i] - level) / (share[i] - share[i + 1])
    return float(middle[i] + part * (middle[i + 1] - middle[i]))
