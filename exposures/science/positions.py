"""Parsing of sky positions from text."""

import re

from astropy.coordinates import Angle, SkyCoord
from astropy.units import UnitBase, UnitsError, deg, hourangle

from exposures.errors import GalprojectError
from exposures.input.numbers import NumberError, parse_number
from exposures.science.angles import wrap_ra

EXAMPLES = "266.4168 -29.0078, 17:45:40.0 -29:00:28, 17h45m40s -29d00m28s or 0.0 -0.05 gal"
# Of positions; no digits of other scripts, and nothing that means infinity.
MAX_LENGTH = 80
CHARACTERS = frozenset("0123456789 \t:.,;+-hmsdeHMSDE°'\"′″")
SIGN = re.compile(r"(?<=.)(?=[+-])")  # between two angles in one word


class PositionError(GalprojectError):
    """A text that can't be read as a position."""


def read_position(text: str) -> tuple[float, float]:
    """ra, dec in ICRS degrees of a position in one line.

    Plain numbers are degrees. A right ascension of several numbers ("17:45:40", "17h45m40s",
    "17 45 40") is in hours unless it says degrees ("266d25m"), the declination in degrees. Two
    plain numbers that ``gal`` follows are Galactic. Raises PositionError if it is none of these, or
    out of range.
    """
    words = text.replace(",", " ").lower().split()
    is_galactic = words[-1:] == ["gal"]
    words = words[:-1] if is_galactic else words
    if len(words) == 1:
        words = SIGN.split(words[0])
    try:
        if len(words) not in (2, 4, 6) or not _is_position_like(" ".join(words)):
            raise ValueError(text)
        half = len(words) // 2
        first, second = " ".join(words[:half]), " ".join(words[half:])
        if is_galactic:
            angles = parse_number(first), parse_number(second)
        else:
            is_hours = not _is_number(first) and "d" not in first and "°" not in first
            angles = _degrees(first, hourangle if is_hours else deg), _degrees(second, deg)
    except (NumberError, ValueError, UnitsError) as error:
        shown = text if text.isprintable() else ascii(text)
        raise PositionError(f"“{shown}” is no position. Type one like {EXAMPLES}") from error
    return _on_the_sky(*angles, is_galactic, text)


def _on_the_sky(first: float, second: float, is_galactic: bool, text: str) -> tuple[float, float]:
    if not 0 <= first <= 360:
        raise PositionError(f"“{text}” is no position: the first angle is from 0 to 360 degrees")
    if not -90 <= second <= 90:
        raise PositionError(f"“{text}” is no position: the second angle is from -90 to 90 degrees")
    if is_galactic:
        place = SkyCoord(first, second, unit="deg", frame="galactic").icrs
        first, second = float(place.ra.deg), float(place.dec.deg)
    return wrap_ra(first), second


def _is_position_like(text: str) -> bool:
    """Whether a text has only characters of positions, and so is worth parsing."""
    return len(text) <= MAX_LENGTH and CHARACTERS.issuperset(text)


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except NumberError:
        return False
    return True


def _degrees(text: str, unit: UnitBase) -> float:
    return float(Angle(text, unit=unit).degree)
