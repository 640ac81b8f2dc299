"""Names of filters as they are stored: the short ones."""

import re

from exposures.errors import GalprojectError

KNOWN = ("u", "g", "r", "i", "z", "Y", "VR", "U", "B", "V", "R", "I", "Clear")
NARROW = re.compile(r"N\d{3,4}")
ALIASES = {"y": "Y", "clear": "Clear", "open": "Clear", "vr": "VR"}


class UnknownFilterError(GalprojectError):
    """A filter that is not among the known ones."""


def short_filter(name: str) -> str:
    """The short name of a filter: its first word, "g" of "g DECam SDSS c0001 4720.0 1520.0".

    Wide and narrow bands stay apart: VR is not r, N964 is not z. Case matters, as r is Sloan's
    and R is Cousins', except where a name has one meaning only.
    """
    words = str(name).split()
    first = words[0] if words else ""
    short = ALIASES.get(first.lower() if len(first) > 1 else first, first)
    if short in KNOWN or NARROW.fullmatch(short):
        return short
    raise UnknownFilterError(
        f"unknown filter {name!r}; known are {', '.join(KNOWN)} and narrow bands such as N964"
    )
