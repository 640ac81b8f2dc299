"""Angles as stored, with right ascensions in [0, 360) degrees."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from exposures.science.arrays import FloatArray, Floats


def wrap_ra(ra: Floats) -> Any:
    """Right ascensions in any turn wrapped to 0 <= ra < 360 degrees; NaN stays NaN.

    A float for a number, else an array of the same shape. Of a tiny negative number the remainder
    is 360 itself after rounding, which an index of the sky doesn't find beside 0.
    """
    wrapped = np.mod(ra, 360.0)
    wrapped = np.where(wrapped >= 360.0, 0.0, wrapped)
    return wrapped if wrapped.ndim else float(wrapped)


def ra_difference(ra: Floats, other: Floats) -> Any:
    """The shorter difference ``ra - other`` in degrees, in [-180, 180).

    Numbers, or arrays that broadcast; NaN where either is NaN.
    """
    return np.mod(np.subtract(ra, other) + 180.0, 360.0) - 180.0


def to_sky(vectors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Right ascension and declination, (n,) degrees each, of vectors (n, 3) of any length."""
    x, y, z = np.asarray(vectors, float).T
    return wrap_ra(np.degrees(np.arctan2(y, x))), np.degrees(np.arctan2(z, np.hypot(x, y)))


def tangent_offsets(ra: Floats, dec: Floats, ra0: Floats, dec0: Floats) -> tuple[Any, Any]:
    """Offsets in degrees east and north on the tangent plane at a position.

    The gnomonic projection; positions and the point of contact ``ra0, dec0`` are in degrees,
    numbers or arrays that broadcast. At a pole east is where the right ascension ``ra0`` has it, as
    everywhere. Further than 90 degrees away the result is that of the opposite point.
    """
    d_ra, dec, dec0 = (np.radians(angle) for angle in (np.subtract(ra, ra0), dec, dec0))
    towards = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(d_ra)
    east = np.cos(dec) * np.sin(d_ra)
    north = np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(d_ra)
    return np.degrees(east / towards), np.degrees(north / towards)
