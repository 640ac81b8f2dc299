"""Short names of filters, as they are stored."""

import re

from exposures.errors import GalprojectError

KNOWN = ("u", "g", "r", "i", "z", "Y", "VR", "U", "B", "V", "R", "I")
ALIASES = {"y": "Y", "clear": "Clear", "open": "Clear", "vr": "VR"}
# Narrow and medium bands by their wavelength: N964, M411.
BANDS = re.compile(r"[NM]\d{3,4}", re.IGNORECASE)
# "M411 DECam c0017 4112.0 264.0": name, camera, number of the filter, wavelength and width in A.
_OF_DECAM = re.compile(r"(.+?) DECam\b.*", re.IGNORECASE)
_PROPERTIES = re.compile(r"( c\d{4})? \d+\.\d+ \d+\.\d+$")
MAX_LENGTH = 80  # of a column that holds one; a card of a header has room for 68


class UnknownFilterError(GalprojectError):
    """A text that names no filter."""


def short_filter(name: str) -> str:
    """The short name of a filter: "g" of "g DECam SDSS c0001 4720.0 1520.0".

    Of DECam's filters, and of others that begin with the name of a known band, it is the first
    word; a filter that is not known keeps its own name, without wavelengths after it ("solid
    plate" of "solid plate 0.0 0.0"). Wide and narrow bands stay apart: VR is not r, N964 is not
    z. Case matters, as r is Sloan's and R is Cousins', except where a name has one meaning only.
    Raises UnknownFilterError for what has no name, or a longer one than there is room for.
    """
    text = " ".join(str(name).split())
    own = _OF_DECAM.sub(r"\1", _PROPERTIES.sub("", text)) or text
    if not own or len(own) > MAX_LENGTH:
        raise UnknownFilterError(
            f"{text[:MAX_LENGTH]!r} is no name of a filter: give one of 1 to {MAX_LENGTH} letters"
        )
    first = own.split()[0]
    if BANDS.fullmatch(first):
        return first.upper()
    band = ALIASES.get(first.lower() if len(first) > 1 else first, first)
    # Two words that begin with "clear" name what is in two wheels: "Clear R" is R.
    return band if band in KNOWN or own == first else own
