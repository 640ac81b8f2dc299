"""Stars by the parts of a chip that they lie in, so that a cluster doesn't speak for all."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray, Shape

PARTS = 4  # along each side of a chip
LARGEST_SHARE = 2.0  # of a part, in the median number of stars in parts that have some


def rank_in_part(x: FloatArray, y: FloatArray, order: IntArray, shape: Shape) -> IntArray:
    """(n,) the rank of each star within its part of a chip, from 0; in the order of the stars.

    ``x, y`` (n,) are pixels on a chip of ``shape`` (ny, nx); ``order`` (n,) has the indices of all
    stars, those first that are ranked first.
    """
    part = _parts(x, y, shape)
    order = order[np.argsort(part[order], kind="stable")]
    first = np.searchsorted(part[order], np.arange(PARTS**2))
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order)) - first[part[order]]
    return rank


def evenly_spread(x: FloatArray, y: FloatArray, shape: Shape) -> IntArray:
    """Indices (k,) of stars, in their order, of which no part of a chip has far more than others.

    At most LARGEST_SHARE of the median number of stars in a part, the first ones. ``x, y`` (n,) are
    pixels on a chip of ``shape`` (ny, nx).
    """
    if len(x) == 0:
        return np.zeros(0, int)
    counts = np.unique(_parts(x, y, shape), return_counts=True)[1]
    rank = rank_in_part(x, y, np.arange(len(x)), shape)
    return np.flatnonzero(rank < LARGEST_SHARE * np.median(counts))


def _parts(x: FloatArray, y: FloatArray, shape: Shape) -> IntArray:
    ny, nx = shape
    column = np.clip((x / nx * PARTS).astype(int), 0, PARTS - 1)
    row = np.clip((y / ny * PARTS).astype(int), 0, PARTS - 1)
    return row * PARTS + column
