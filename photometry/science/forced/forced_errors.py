"""How much larger the errors of fluxes are than those of stars alone, by their neighbours."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

RIDGE = 1e-6  # on the diagonal of the blocks that errors come from


@compiled
def strongest_overlaps(
    first: IntArray, other: IntArray, value: FloatArray, n_neighbours: int
) -> tuple[IntArray, FloatArray]:
    """(n, n_neighbours) the stars that overlap most with each, and by how much; no unit.

    Indices, -1 where there are fewer. The matrix is that of NormalEquations: ``first`` (n + 1,),
    ``other`` and ``value`` (n_pairs,).
    """
    n = len(first) - 1
    near = np.full((n, n_neighbours), -1, np.int32)
    strength = np.zeros((n, n_neighbours), np.float32)
    weakest = np.zeros(n, np.int32)
    for i in range(n):
        for pair in range(first[i], first[i + 1]):
            j, size = other[pair], abs(value[pair])
            if size > strength[i, weakest[i]]:
                weakest[i] = _keep(near[i], strength[i], weakest[i], j, size)
            if size > strength[j, weakest[j]]:
                weakest[j] = _keep(near[j], strength[j], weakest[j], i, size)
    return near, strength


@inlined
def _keep(
    near: IntArray, strength: FloatArray, place: tuple[int, int, int], star: int, size: float
) -> int:
    """Put ``star`` in its ``place`` among those that are kept; which is now the weakest."""
    near[place], strength[place] = star, size
    weakest = 0
    for k in range(1, len(near)):
        if strength[k] < strength[weakest]:
            weakest = k
    return weakest


@compiled
def error_inflation(
    first: IntArray, other: IntArray, value: FloatArray, near: IntArray, ridge: float
) -> FloatArray:
    """(n,) errors with neighbours free over those of stars alone; no unit.

    The root of the element of each star in the inverse of its block of the matrix, which is that of
    NormalEquations: ``first`` (n + 1,), ``other`` and ``value`` (n_pairs,); ``near`` (n,
    n_neighbours) are the other stars of the block, and ``ridge`` is added to its diagonal.
    """
    n, n_neighbours = near.shape
    slot = np.full(n, -1, np.int32)
    block, inverse = np.empty((n_neighbours + 1, n_neighbours + 1)), np.empty(n_neighbours + 1)
    inflation = np.ones(n)
    for i in range(n):
        members = near[i][near[i] >= 0]
        last = len(members)
        block[: last + 1, : last + 1] = 0
        for k in range(last):
            slot[members[k]] = k
        slot[i] = last
        for k in range(last + 1):
            star = i if k == last else members[k]
            block[k, k] = 1 + ridge
            for pair in range(first[star], first[star + 1]):
                m = slot[other[pair]]
                if m >= 0:
                    block[k, m] = block[m, k] = value[pair]
        inflation[i] = _last_inverse(block, inverse, last + 1)
        slot[members] = -1
        slot[i] = -1
    return inflation


@inlined
def _last_inverse(block: FloatArray, inverse: FloatArray, n: int) -> float:
    """The inverse of the last diagonal element of Cholesky's factor of ``n`` rows, in place.

    Its square is the last diagonal element of the inverse. ``inverse`` gets those of all diagonal
    elements: to divide takes much longer than to multiply.
    """
    for k in range(n):
        for m in range(k + 1):
            total = block[k, m]
            for i in range(m):
                total -= block[k, i] * block[m, i]
            if k == m:
                inverse[k] = 1 / np.sqrt(max(total, 1e-9))
            else:
                block[k, m] = total * inverse[m]
    return inverse[n - 1]
