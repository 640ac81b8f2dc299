"""Positions on the sky as people type and read them."""

import astropy.units as u
import erfa
import numpy as np
from astropy.coordinates import SkyCoord

from exposures.errors import GalprojectError
from exposures.science.angles import wrap_ra

EXAMPLES = "266.4168 -29.0078, 17:45:40.0 -29:00:28, 17h45m40s -29d00m28s or 0.0 -0.05 gal"


class PositionError(GalprojectError):
    """A text that is no position."""


def read_position(text) -> tuple[float, float]:
    """ra, dec in ICRS degrees of a position in degrees, sexagesimal, or Galactic with ``gal``.

    Raises PositionError where it is none.
    """
    words = text.replace(",", " ").lower().split()
    is_galactic = words[-1:] == ["gal"]
    words = words[:-1] if is_galactic else words
    if _are_degrees(words) and not 0 <= float(words[0]) <= 360:
        raise PositionError(f"“{text}” is no position: the first angle is from 0 to 360 degrees")
    try:
        if is_galactic:
            longitude, latitude = map(float, words)
            place = SkyCoord(l=longitude * u.deg, b=latitude * u.deg, frame="galactic").icrs
        elif _are_degrees(words):
            place = SkyCoord(*map(float, words), unit="deg")
        else:
            place = SkyCoord(" ".join(words), unit=(u.hourangle, u.deg))
        ra, dec = wrap_ra(float(place.ra.deg)), float(place.dec.deg)
    except (ValueError, u.UnitsError) as error:
        raise PositionError(f"“{text}” is no position. Type one like {EXAMPLES}") from error
    return ra, dec


def _are_degrees(words):
    try:
        return len([float(word) for word in words]) == 2
    except ValueError:
        return False


def sexagesimal(ra, dec) -> str | list[str]:
    """Hours and degrees of a position in degrees, to 0.01 seconds and arcseconds; or of many."""
    hours, degrees = erfa.a2tf(2, np.radians(ra)), erfa.a2af(2, np.radians(dec))
    if np.ndim(ra) == 0:
        return _written(*hours, *degrees)
    return list(map(_written, *hours, *degrees))


def _written(_, hours, sign, degrees):
    hours[0] %= 24  # just before 0 h it is rounded up to 24
    time, angle = ("{}:{:02}:{:02}.{:02}".format(*part) for part in (hours, degrees))
    return f"{time:0>11} {sign.decode()}{angle:0>11}"


def galactic(ra, dec):
    """Galactic longitude and latitude in degrees of a position in ICRS degrees; or of many."""
    longitude, latitude = erfa.icrs2g(np.radians(ra), np.radians(dec))
    return np.degrees(longitude), np.degrees(latitude)
