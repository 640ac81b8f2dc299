"""Positions of stars at another epoch, by uniform motion along a great circle."""

from typing import Any

import numpy as np

from exposures.science.angles import wrap_ra
from exposures.science.arrays import Floats

J2000_MJD = 51544.5
DAYS_A_YEAR = 365.25
MAS_PER_RADIAN = np.degrees(1) * 3600e3


def years_after(epoch: Floats, mjd: Floats) -> Any:
    """Julian years from an epoch such as 2015.5 to an MJD; numbers, or arrays of the same shape."""
    return 2000 + (mjd - J2000_MJD) / DAYS_A_YEAR - epoch


def moved(ra: Floats, dec: Floats, pm_ra: Floats, pm_dec: Floats, years: Floats) -> tuple[Any, Any]:
    """Right ascension and declination, degrees, after ``years``; proper motions in mas/yr.

    Numbers, or arrays of the same shape; NaN where any of them is. ``pm_ra`` includes cos(dec). The
    unit vector p goes to p + t (pm_ra e + pm_dec n), with e and n the directions east and north,
    which holds at the poles too. Parallax and radial velocity are left out: parallax moves a star
    by at most 10 mas at 100 pc, and perspective is far below.
    """
    ra, dec = np.radians(ra), np.radians(dec)
    east = np.asarray(pm_ra) * years / MAS_PER_RADIAN
    north = np.asarray(pm_dec) * years / MAS_PER_RADIAN
    # In the axes (towards the meridian of ra, east, pole) p = (cos dec, 0, sin dec).
    x = np.cos(dec) - north * np.sin(dec)
    z = np.sin(dec) + north * np.cos(dec)
    new_ra = ra + np.arctan2(east, x)
    return wrap_ra(np.degrees(new_ra)), np.degrees(np.arctan2(z, np.hypot(x, east)))


def separation_degrees(ra1: Floats, dec1: Floats, ra2: Floats, dec2: Floats) -> Any:
    """Angle between positions, degrees: the haversine, exact for small angles and at poles.

    Positions are in degrees, numbers or arrays that broadcast; NaN where either is NaN.
    """
    half_dra = np.radians(np.asarray(ra1) - ra2) / 2
    half_ddec = np.radians(np.asarray(dec1) - dec2) / 2
    cosines = np.cos(np.radians(dec1)) * np.cos(np.radians(dec2))
    square = np.sin(half_ddec) ** 2 + cosines * np.sin(half_dra) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.minimum(square, 1))))
