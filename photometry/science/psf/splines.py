"""Stamps moved by parts of a pixel, as cubic B-splines."""

import numpy as np

from exposures.science.arrays import FloatArray


def shifted_splines(coefficients: FloatArray, dx: FloatArray, dy: FloatArray) -> FloatArray:
    """Splines with coefficients (n, k, k), moved by ``dx, dy`` (n,): values (n, k + 4, k + 4).

    Cubic B-splines (Unser 1999, IEEE SPM 16, 22), separable in x and y; the offsets are at most
    half a pixel, so that five neighbours reach each value. Values have the unit of the
    coefficients.
    """
    padded = np.pad(coefficients, ((0, 0), (4, 4), (4, 4)))
    wx, wy = _bspline_weights(dx), _bspline_weights(dy)
    size = coefficients.shape[1] + 4
    rows = np.sum([wy[:, k, None, None] * padded[:, k : k + size] for k in range(5)], axis=0)
    return np.sum([wx[:, k, None, None] * rows[:, :, k : k + size] for k in range(5)], axis=0)


def _bspline_weights(offset: FloatArray) -> FloatArray:
    """(n, 5) cubic B-spline at the distances of the neighbours -2 ... 2 from -offset."""
    t = np.abs(np.arange(-2, 3, dtype="f4") + np.asarray(offset, dtype="f4")[:, None])
    inner = 2 / 3 - t**2 * (1 - t / 2)
    outer = np.maximum(2 - t, 0) ** 3 / 6
    return np.where(t < 1, inner, outer)
