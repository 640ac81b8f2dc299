"""Weighted least squares by orthogonal columns, one after the other, for compiled passes."""

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.science.compiled import inlined

DEPENDENT = 1e-4  # share of a column that is left beside the others


@inlined
def take(column: FloatArray, left: FloatArray, weight: FloatArray, n: int) -> float:
    """Take from ``left`` what follows ``column``, and by how much that lessens chi2.

    All are (n,) at least, in any unit; ``weight`` is the inverse variance of ``left``.
    """
    across = squares = 0.0
    for i in range(n):
        across += weight[i] * column[i] * left[i]
        squares += weight[i] * column[i] * column[i]
    if squares <= 0:
        return 0.0
    for i in range(n):
        left[i] -= across / squares * column[i]
    return across * across / squares


@inlined
def free(columns: FloatArray, k: int, weight: FloatArray, n: int) -> bool:
    """Free column k of those before it (Gram & Schmidt); false where nothing is left of it.

    ``columns`` (more than k, n) are in any unit, ``weight`` (n,) without one.
    """
    before = after = 0.0
    for i in range(n):
        before += weight[i] * columns[k, i] ** 2
    for other in range(k):
        across = squares = 0.0
        for i in range(n):
            across += weight[i] * columns[other, i] * columns[k, i]
            squares += weight[i] * columns[other, i] ** 2
        if squares > 0:
            for i in range(n):
                columns[k, i] -= across / squares * columns[other, i]
    for i in range(n):
        after += weight[i] * columns[k, i] ** 2
    if after > DEPENDENT * before:
        return True
    for i in range(n):
        columns[k, i] = 0.0
    return False


@inlined
def take_local_means(values: FloatArray, reach: int, n: int, sums: FloatArray) -> None:
    """Take from each of ``values`` (n,) the mean of those at most ``reach`` places away.

    ``sums`` (n + 1 at least,) is room to work in; all in one unit.
    """
    sums[0] = 0.0
    for i in range(n):
        sums[i + 1] = sums[i] + values[i]
    for i in range(n):
        low, high = max(i - reach, 0), min(i + reach + 1, n)
        values[i] -= (sums[high] - sums[low]) / np.float64(high - low)
