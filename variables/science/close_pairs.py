"""Sources so close to each other that a fit trades flux between them."""

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray

NO_PAIRS: IntArray = np.empty((0, 2), int)


def find_close_pairs(x: FloatArray, y: FloatArray, catalogue: IntArray, radius: float) -> IntArray:
    """(k, 2) indices of the pairs of sources at most ``radius`` apart, each pair once.

    ``x, y`` (n,) and ``radius`` are pixels; NaN is near nothing. ``catalogue`` (n,) are numbers of
    catalogues: where two have a star, both rows have all its light, and trade none.
    """
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(known) < 2 or not np.isfinite(radius):
        return NO_PAIRS
    places = np.column_stack([x, y])[known]
    tree = cKDTree(places, balanced_tree=False, compact_nodes=False)
    pairs = known[tree.query_pairs(radius, output_type="ndarray")]
    return pairs[catalogue[pairs[:, 0]] == catalogue[pairs[:, 1]]]


def has_traded(pairs: IntArray, change: FloatArray, least_sum: FloatArray) -> BoolArray:
    """(n,) whether a source's neighbours lost what it gained, or the other way round.

    ``pairs`` (k, 2) are indices of close neighbours; ``change`` (n,) is what each flux differs from
    the one expected, and ``least_sum`` (n,) how much the changes of a source and its neighbours
    must be in sum, all in the same unit. Sources without neighbours trade with none; a source that
    is NaN is no neighbour.

    ``least_sum`` is in the error of the source's own flux, which does for the sum, too. With r the
    overlap of two PSFs (of Gaussians 0.25 at a distance of a FWHM, 0.71 at half of it) and the
    variance of a lone star as unit, each flux of a pair has 1 / (1 - r^2), as what one gains the
    other loses, and their sum 2 / (1 + r): at half a FWHM 2.0 and 1.2, at a FWHM 1.1 and 1.6. The
    sum of both variances, 4.0 and 2.1, takes no account of that, and grows with the light of a
    brighter neighbour, beside which variables would fail.
    """
    first, second = pairs[np.isfinite(change[pairs]).all(axis=1)].T
    n = len(change)
    neighbours = np.bincount(first, change[second], n) + np.bincount(second, change[first], n)
    is_close = np.zeros(n, bool)
    is_close[first] = is_close[second] = True
    with np.errstate(invalid="ignore"):
        return is_close & (np.abs(change + neighbours) < least_sum)
