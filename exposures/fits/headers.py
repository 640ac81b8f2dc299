"""What every exposure's header must say: camera, filter and exposure time."""

import re
from pathlib import Path

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.cards import Cards, first_number, first_text
from exposures.fits.filters import UnknownFilterError, short_filter

# What a filter wheel has beside filters, for darks.
OPAQUE = re.compile(r"solid plate|block(ed)?( 0)?|opaque|dark", re.IGNORECASE)
MAX_CAMERA_LENGTH = 80  # of a column that holds a name


def camera_name(*headers: Cards) -> str:
    """The camera's own name, from INSTRUME or else TELESCOP; "" where neither is there."""
    name = first_text(("INSTRUME",), *headers) or first_text(("TELESCOP",), *headers)
    return name[:MAX_CAMERA_LENGTH].rstrip()


def is_combined(*headers: Cards) -> bool:
    """Whether an image was made of several exposures, as stacks are."""
    kind = first_text(("PROCTYPE",), *headers).lower()
    return first_number(("NCOMBINE",), *headers) > 1 or kind.startswith("stack")


def filter_name(path: Path, options, *headers: Cards) -> str:
    """The short name of the filter, from FILTER or else the options."""
    name = first_text(("FILTER",), *headers) or options.filter
    if not name:
        raise InputFileError(path, "FILTER is missing", "Write it into its header")
    advice = "Correct FILTER in its header, or leave the exposure out"
    try:
        short = short_filter(name)
    except UnknownFilterError as error:
        raise InputFileError(path, str(error), advice, hdu=0) from error
    if OPAQUE.fullmatch(short):
        problem = f"filter {short!r} lets no light through: this is no image of the sky"
        raise InputFileError(path, problem, advice, hdu=0)
    return short


def exposure_seconds(path: Path, options, *headers: Cards) -> float:
    """The exposure time in seconds, from EXPTIME or EXPOSURE or else the options."""
    seconds = first_number(("EXPTIME", "EXPOSURE"), *headers)
    if not np.isfinite(seconds) and options.exposure_seconds is not None:
        seconds = options.exposure_seconds
    if not seconds > 0:
        raise InputFileError(path, "EXPTIME is missing or not positive", "Write it into its header")
    return seconds
