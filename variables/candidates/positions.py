"""Sky positions in the notations that people type and read."""

import astropy.units as u
import erfa
import numpy as np
from astropy.coordinates import SkyCoord

from exposures.errors import GalprojectError
from exposures.input.numbers import NumberError, parse_number
from exposures.science.angles import wrap_ra
from exposures.science.positions import is_position_like

EXAMPLES = "266.4168 -29.0078, 17:45:40.0 -29:00:28, 17h45m40s -29d00m28s or 0.0 -0.05 gal"


class PositionError(GalprojectError):
    """A text that can't be read as a position."""


def read_position(text) -> tuple[float, float]:
    """ra, dec in ICRS degrees of a position in degrees, sexagesimal, or Galactic with ``gal``.

    Raises PositionError if it is none.
    """
    words = text.replace(",", " ").lower().split()
    is_galactic = words[-1:] == ["gal"]
    words = words[:-1] if is_galactic else words
    degrees = _degrees(words)
    if degrees and not 0 <= degrees[0] <= 360:
        raise PositionError(f"“{text}” is no position: the first angle is from 0 to 360 degrees")
    try:
        if not is_position_like(" ".join(words)) or (is_galactic and not degrees):
            raise ValueError(text)
        if is_galactic:
            place = SkyCoord(*degrees, unit="deg", frame="galactic").icrs
        elif degrees:
            place = SkyCoord(*degrees, unit="deg")
        else:
            place = SkyCoord(" ".join(words), unit=(u.hourangle, u.deg))
        ra, dec = wrap_ra(float(place.ra.deg)), float(place.dec.deg)
    except (ValueError, u.UnitsError) as error:
        shown = text if text.isprintable() else ascii(text)
        raise PositionError(f"“{shown}” is no position. Type one like {EXAMPLES}") from error
    return ra, dec


def _degrees(words):
    """The two numbers written in words; None if they aren't numbers."""
    try:
        return tuple(map(parse_number, words)) if len(words) == 2 else None
    except NumberError:
        return None


def sexagesimal(ra, dec) -> str | list[str]:
    """One or many positions in degrees as hours and degrees, to 0.01 seconds and arcseconds."""
    hours, degrees = erfa.a2tf(2, np.radians(ra)), erfa.a2af(2, np.radians(dec))
    if np.ndim(ra) == 0:
        return _written(*hours, *degrees)
    return list(map(_written, *hours, *degrees))


def _written(_, hours, sign, degrees):
    hours[0] %= 24  # just before 0 h it is rounded up to 24
    time, angle = ("{}:{:02}:{:02}.{:02}".format(*part) for part in (hours, degrees))
    return f"{time:0>11} {sign.decode()}{angle:0>11}"


def galactic(ra, dec):
    """Galactic longitude and latitude in degrees of one or many positions in ICRS degrees."""
    longitude, latitude = erfa.icrs2g(np.radians(ra), np.radians(dec))
    return np.degrees(longitude), np.degrees(latitude)
