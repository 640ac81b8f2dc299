"""How much larger the errors of fluxes are than those of stars alone, by their neighbours."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined
from photometry.science.forced.sparse_solution import SparseMatrix

RIDGE = 1e-6  # on the diagonal of the blocks that errors come from
TOGETHER = 8  # stars whose blocks are factorised side by side


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
    # Pairs with a star that is not in the block are put beside it: to ask would take longer.
    beside = n_neighbours + 1
    slot = np.full(n, beside, np.int32)
    block = np.empty((n_neighbours + 1, beside + 1), np.float32)
    blocks = np.empty((n_neighbours + 1, n_neighbours + 1, TOGETHER))
    inverse = np.empty((n_neighbours + 1, TOGETHER))
    inflation = np.ones(n)
    for start in range(0, n, TOGETHER):
        n_stars = min(TOGETHER, n - start)
        for star in range(n_stars):
            _fill_block(block, start + star, near, SparseMatrix(first, other, value), slot)
            for k in range(n_neighbours + 1):
                for m in range(k):
                    blocks[k, m, star] = block[k, m] + block[m, k]
        _last_inverses(blocks, inverse, np.float64(1 + ridge))
        inflation[start : start + n_stars] = inverse[n_neighbours, :n_stars]
    return inflation


@inlined
def _fill_block(
    block: FloatArray, star: int, near: IntArray, matrix: SparseMatrix, slot: IntArray
) -> None:
    """Fill a star's block of the matrix, its own row the last; each pair is in one of two places.

    ``slot`` (n,) has the last column of the ``block`` for all stars, before and after.
    """
    own, beside = near.shape[1], block.shape[1] - 1
    block[:] = 0
    for k in range(own):
        if near[star, k] >= 0:
            slot[near[star, k]] = k
    slot[star] = own
    for k in range(own + 1):
        member = star if k == own else near[star, k]
        if member >= 0:
            row = block[k]
            for pair in range(matrix.first[member], matrix.first[member + 1]):
                row[np.uint32(slot[matrix.other[pair]])] = matrix.value[pair]
    for k in range(own):
        if near[star, k] >= 0:
            slot[near[star, k]] = beside
    slot[star] = beside


@inlined
def _last_inverses(blocks: FloatArray, inverse: FloatArray, diagonal: float) -> None:
    """Inverses of the diagonals of Cholesky's factors of blocks side by side, in place.

    ``blocks`` (k, k, m) have their lower triangles, and all the same ``diagonal``. The square of
    the last inverse is the last diagonal element of a block's own inverse. Of those ``inverse``
    (k, m) gets all: to divide takes much longer than to multiply. Side by side, as rows of a block
    are too short to be vectorised.
    """
    total = np.empty(blocks.shape[2])
    for k in range(len(blocks)):
        for m in range(k):
            row = blocks[k, m]
            for i in range(m):
                one, another = blocks[k, i], blocks[m, i]
                for star in range(len(row)):
                    row[star] -= one[star] * another[star]
            for star in range(len(row)):
                row[star] *= inverse[m, star]
        total[:] = diagonal
        for m in range(k):
            for star in range(len(total)):
                total[star] -= blocks[k, m, star] ** 2
        for star in range(len(total)):
            inverse[k, star] = 1 / np.sqrt(max(total[star], 1e-9))
