"""Solution of the normal equations of overlapping stars, which are many and sparse."""

from typing import NamedTuple

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from photometry.science.compiled import compiled, inlined


class SparseMatrix(NamedTuple):
    """A symmetric matrix with ones on its diagonal: what lies below it, in compressed rows."""

    first: IntArray  # (n + 1,)
    other: IntArray  # (n_pairs,) int32
    value: FloatArray  # (n_pairs,) float32


@inlined
def _multiply(matrix: SparseMatrix, vector: FloatArray, product: FloatArray) -> None:
    first, other, value = matrix.first, matrix.other, matrix.value
    product[:] = vector
    for i in range(len(vector)):
        total, own = 0.0, vector[i]
        for pair in range(first[i], first[i + 1]):
            j = other[pair]
            total += value[pair] * vector[j]
            product[j] += value[pair] * own
        product[i] += total


@compiled
def multiplied(matrix: SparseMatrix, vector: FloatArray) -> FloatArray:
    """(n,) product of a SparseMatrix with a vector (n,), in its unit."""
    product = np.empty_like(vector)
    _multiply(matrix, vector, product)
    return product


@inlined
def _solve_upper(matrix: SparseMatrix, right: FloatArray, solution: FloatArray) -> None:
    """Solve the equations of the part above the diagonal and the ones on it."""
    first, other, value = matrix.first, matrix.other, matrix.value
    solution[:] = right
    for i in range(len(right) - 1, -1, -1):
        own = solution[i]
        for pair in range(first[i], first[i + 1]):
            solution[other[pair]] -= value[pair] * own


@inlined
def _solve_lower(matrix: SparseMatrix, right: FloatArray, solution: FloatArray) -> None:
    """Solve the equations of the part below the diagonal and the ones on it."""
    first, other, value = matrix.first, matrix.other, matrix.value
    for i in range(len(right)):
        total = right[i]
        for pair in range(first[i], first[i + 1]):
            total -= value[pair] * solution[other[pair]]
        solution[i] = total


@compiled
def solve(
    matrix: SparseMatrix,
    right: FloatArray,
    solution: FloatArray,
    tolerance: float,
    max_iterations: int,
) -> int:
    """Solve for ``solution`` (n,) in place, from what is in it; the number of iterations.

    ``right`` (n,) is the right-hand side, in the same unit. Conjugate gradients (Hestenes & Stiefel
    1952, J. Res. NBS 49, 409), preconditioned by the product of both triangles (1 + L)(1 + L'), as
    Eisenstat (1981, SIAM J. Sci. Stat. Comput. 2, 1) does it, without multiplying by the matrix:
    an iteration costs little more than without, and a third of them will do. Ends when the root
    mean square of the residual, divided by 1 + L, is below ``tolerance``, or after
    ``max_iterations``.
    """
    n = len(right)
    product = np.empty_like(solution)
    _multiply(matrix, solution, product)
    residual = np.empty_like(solution)
    _solve_lower(matrix, right - product, residual)
    direction = residual.copy()
    step, rest = np.empty_like(solution), np.empty_like(solution)
    squared: Float = np.sum(residual * residual)
    goal = tolerance * tolerance * n
    for iteration in range(max_iterations):
        if squared <= goal:
            return iteration
        _solve_upper(matrix, direction, step)
        for i in range(n):
            product[i] = direction[i] - step[i]
        _solve_lower(matrix, product, rest)
        total = 0.0
        for i in range(n):
            rest[i] += step[i]
            total += direction[i] * rest[i]
        length = squared / total
        before, squared = squared, 0.0
        for i in range(n):
            solution[i] += length * step[i]
            residual[i] -= length * rest[i]
            squared += residual[i] * residual[i]
        ratio = squared / before
        for i in range(n):
            direction[i] = residual[i] + ratio * direction[i]
    return max_iterations
