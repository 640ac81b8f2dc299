"""Moffat profiles of stars, elliptical and normalised."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from exposures.science.arrays import Float, FloatArray, Floats


def moffat_norm(inverse: Floats, e1: Floats, e2: Floats, beta: Float) -> Any:
    """Central value of a Moffat profile of unit integral (Moffat 1969, A&A 3, 455).

    ``inverse`` is 1 / alpha^2 in 1/pixels^2, as is the result; ``e1, e2, beta`` have no unit.
    Numbers, or arrays of the same shape.
    """
    return (beta - 1) / np.pi * inverse * np.sqrt(np.maximum(1 - e1**2 - e2**2, 1e-3))


def moffat_stamps(
    dx: FloatArray, dy: FloatArray, shape: Sequence[FloatArray], beta: Float, size: int
) -> FloatArray:
    """(n, size, size) Moffat profiles of unit integral, offset by ``dx, dy`` (n,) pixels.

    ``shape`` is the FWHM in pixels and both ellipticities, (n,) each; ``beta`` is the exponent
    (Moffat 1969, A&A 3, 455). Computed in the precision of ``dx``: single is enough to render, not
    to differentiate.
    """
    fwhm, e1, e2 = shape
    axis = np.arange(size, dtype=dx.dtype) - size // 2
    u, v = axis - dx[:, None], axis - dy[:, None]
    inverse = (4 * (2 ** (1 / beta) - 1) / fwhm**2).astype(dx.dtype)
    q = ((1 - e1) * inverse).astype(dx.dtype)[:, None, None] * (v * v)[:, :, None]
    q = q + ((1 + e1) * inverse).astype(dx.dtype)[:, None, None] * (u * u)[:, None, :]
    q += (2 * e2 * inverse).astype(dx.dtype)[:, None, None] * (v[:, :, None] * u[:, None, :])
    np.log1p(q, out=q)
    q *= -beta
    np.exp(q, out=q)
    q *= moffat_norm(inverse, e1, e2, beta).astype(dx.dtype)[:, None, None]
    return q
