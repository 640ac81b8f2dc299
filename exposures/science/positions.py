"""Parsing of sky positions from text."""

from astropy.coordinates import Angle
from astropy.units import UnitBase, deg, hourangle

from exposures.errors import GalprojectError
from exposures.input.numbers import NumberError, parse_number
from exposures.science.angles import wrap_ra

# Of positions; no digits of other scripts, and nothing that means infinity.
ADVICE = "Give degrees (266.4168) or sexagesimal (17:45:40.0, which is hours, and -29:00:28)"
MAX_LENGTH = 80
CHARACTERS = frozenset("0123456789 \t:.,;+-hmsdeHMSDE°'\"′″")


def is_position_like(text: str) -> bool:
    """Whether a text has only characters of positions, and so is worth parsing."""
    return len(text) <= MAX_LENGTH and CHARACTERS.issuperset(text)


def parse_position(ra: str, dec: str) -> tuple[float, float]:
    """Right ascension and declination in degrees from text.

    Plain numbers are degrees; sexagesimal right ascensions ("17:45:40", "17h45m40s", "17 45 40")
    are hours. Raises GalprojectError for what is neither, or out of range.
    """
    ra, dec = ra.strip(), dec.strip()
    if not (is_position_like(ra) and is_position_like(dec)):
        raise GalprojectError(f"{ra[:40]!a} {dec[:40]!a} is no position. {ADVICE}")
    ra_degrees = _degrees(ra, deg if _is_number(ra) or "d" in ra else hourangle, "right ascension")
    dec_degrees = _degrees(dec, deg, "declination")
    if not 0 <= ra_degrees <= 360:
        raise GalprojectError(f"right ascension {ra} is not between 0 and 360 degrees")
    if not -90 <= dec_degrees <= 90:
        raise GalprojectError(f"declination {dec} is not between -90 and 90 degrees")
    return wrap_ra(ra_degrees), dec_degrees


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except NumberError:
        return False
    return True


def _degrees(text: str, unit: UnitBase, name: str) -> float:
    try:
        return float(Angle(text, unit=unit).degree)
    except ValueError as error:
        raise GalprojectError(f"{name} {text!r} can't be read. {ADVICE}") from error
