"""Profiles of stars, elliptical and normalised: a Moffat function and its wing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exposures.science.arrays import Float, FloatArray, Floats


def moffat_norm(inverse: Floats, e1: Floats, e2: Floats, beta: Float) -> Any:
    """Central value of a Moffat profile of unit integral (Moffat 1969, A&A 3, 455).

    ``inverse`` is 1 / alpha^2 in 1/pixels^2, as is the result; ``e1, e2, beta`` have no unit.
    Numbers, or arrays of the same shape.
    """
    return (beta - 1) / np.pi * inverse * np.sqrt(np.maximum(1 - e1**2 - e2**2, 1e-3))


# What turbulent air scatters widely falls with about the fourth power of the distance.
WING_BETA = 2.0


def inverse_width(fwhm: Floats, beta: Float) -> Any:
    """1 / alpha^2 in 1/pixels^2 of a Moffat profile of ``fwhm`` pixels and exponent ``beta``.

    Numbers, or arrays of the same shape.
    """
    return 4 * (2 ** (1 / beta) - 1) / fwhm**2


def wing_width(beta: Float) -> Any:
    """1 / alpha^2 of a wing over that of the profile of exponent ``beta`` and the same FWHM."""
    return (2 ** (1 / WING_BETA) - 1) / (2 ** (1 / beta) - 1)


@dataclass(frozen=True)
class MoffatShapes:
    """The shapes of stars' profiles (Moffat 1969, A&A 3, 455)."""

    fwhm: FloatArray  # (n,) pixels
    e1: FloatArray  # (n,) ellipticity along the axes
    e2: FloatArray  # (n,) and along the diagonals
    beta: Float  # exponent, of all
    # Share of the light in a second Moffat profile of the same FWHM and ellipticity, whose exponent
    # is WING_BETA (Racine 1996, PASP 108, 699).
    wing: Float = 0.0


def moffat_stamps(dx: FloatArray, dy: FloatArray, shapes: MoffatShapes, size: int) -> FloatArray:
    """(n, size, size) profiles of unit integral, offset by ``dx, dy`` (n,) pixels.

    ``shapes`` are MoffatShapes of n stars, ``size`` is in pixels. Computed in the precision of
    ``dx``: single is enough to render, not to differentiate.
    """
    e1, e2, beta, wing = shapes.e1, shapes.e2, shapes.beta, shapes.wing
    axis = np.arange(size, dtype=dx.dtype) - size // 2
    u, v = axis - dx[:, None], axis - dy[:, None]
    inverse = inverse_width(shapes.fwhm, beta).astype(dx.dtype)
    q = ((1 - e1) * inverse).astype(dx.dtype)[:, None, None] * (v * v)[:, :, None]
    q = q + ((1 + e1) * inverse).astype(dx.dtype)[:, None, None] * (u * u)[:, None, :]
    q += (2 * e2 * inverse).astype(dx.dtype)[:, None, None] * (v[:, :, None] * u[:, None, :])
    wide = 1 + wing_width(beta) * q if wing else None
    np.log1p(q, out=q)
    q *= -beta
    np.exp(q, out=q)
    q *= ((1 - wing) * moffat_norm(inverse, e1, e2, beta)).astype(dx.dtype)[:, None, None]
    if wide is not None:
        inverse = wing_width(beta) * inverse
        height = (wing * moffat_norm(inverse, e1, e2, WING_BETA)).astype(dx.dtype)
        q += height[:, None, None] / (wide * wide)
    return q
