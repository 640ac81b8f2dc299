"""Sums by index, and bins with as much in each."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray

PER_BIN = 50  # matches of which something is learnt
MOST_BINS = 15


def sums(index: IntArray, values: FloatArray, n: int) -> FloatArray:
    """(n,) the sums of values (m,) in any unit by their indices (m,), from 0 to n."""
    return np.asarray(np.bincount(index, values, n), float)


def bins_of(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, IntArray]:
    """Middles (k,) of bins with as much of the weight (n,) in each, and each value's bin (n,).

    In the unit of the values (n,); one bin where the weight is of few matches.
    """
    order = np.argsort(values)
    cumulated = np.cumsum(weight[order])
    total = cumulated[-1] if len(cumulated) else 0.0
    n_bins = int(np.clip(total / PER_BIN, 1, MOST_BINS))
    if not total:
        return np.zeros(1), np.zeros(len(values), int)
    ordered = values[order]
    edges = ordered[np.searchsorted(cumulated, total * np.arange(1, n_bins) / n_bins)]
    bins = np.searchsorted(edges, values, side="right")
    moments = sums(bins, weight * values, n_bins)
    of_bins = sums(bins, weight, n_bins)
    filled = of_bins > 0
    middles = moments[filled] / of_bins[filled]
    number = np.cumsum(filled) - 1
    return middles, np.maximum(number, 0)[bins]
