"""Normalisation of a WCS: right ascension first, and its reference value in range."""

import re

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS

from exposures.science.angles import wrap_ra

_LINEAR = re.compile(r"(CDELT|CROTA)[12]|(CD|PC)[12]_[12]|CUNIT[12]|CRVAL[12]")
_OF_AN_AXIS = re.compile(r"(CTYPE|PV)([12])(.*)")
OTHER = {"1": "2", "2": "1"}


def right_ascension_first(cards: fits.Header) -> fits.Header:
    """A WCS of declination and right ascension with its world axes exchanged.

    Pixel axes stay as they are, and with them CRPIX and SIP's polynomials. The linear part
    becomes a CD matrix in degrees, in whatever form it was written. A projection's parameters
    and TPV's polynomials are their axis', and so is which coordinate comes first in them: wcslib
    itself puts TPV's on the wrong axes where declination is the first. Raises ValueError if
    the linear part can't be used.
    """
    # Without the distortion, which wcslib would get wrong and the linear part doesn't need.
    linear = fits.Header()
    linear.update({key: cards[key] for key in cards if not key.startswith("PV")})
    for axis in "12":
        linear[f"CTYPE{axis}"] = str(cards[f"CTYPE{axis}"])[:4].ljust(5, "-") + "TAN"
    parsed = WCS(linear)
    exchanged = fits.Header()
    for key, value in cards.items():
        of_axis = _OF_AN_AXIS.fullmatch(key)
        if of_axis:
            exchanged[of_axis[1] + OTHER[of_axis[2]] + of_axis[3]] = value
        elif not _LINEAR.fullmatch(key):
            exchanged[key] = value
    declination, right_ascension = map(float, parsed.wcs.crval)
    exchanged["CRVAL1"], exchanged["CRVAL2"] = right_ascension, declination
    for i, row in enumerate(np.flipud(parsed.pixel_scale_matrix), 1):
        exchanged[f"CD{i}_1"], exchanged[f"CD{i}_2"] = map(float, row)
    return exchanged


def with_wrapped_ra(cards: fits.Header) -> fits.Header:
    """The same WCS, right ascension first, with 0 <= CRVAL1 < 360 degrees.

    wcslib follows the sign of CRVAL1: with a negative one all right ascensions are.
    """
    degrees = _degrees(str(cards.get("CUNIT1", "deg")))
    value = float(cards.get("CRVAL1", 0.0)) * degrees
    if not 0 <= value < 360:
        cards = cards.copy()
        cards["CRVAL1"] = wrap_ra(value) / degrees
    return cards


def _degrees(unit: str) -> float:
    """Degrees in a unit; 1 for invalid ones such as "degrees", as wcslib assumes."""
    try:
        return u.Unit(unit.strip().lower() or "deg").to(u.deg)
    except (ValueError, TypeError):
        return 1.0
