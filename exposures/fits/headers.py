"""What every exposure's header must say: filter and exposure time."""

from pathlib import Path

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.cards import Cards, first_number, first_text
from exposures.fits.filters import UnknownFilterError, short_filter


def filter_name(path: Path, options, *headers: Cards) -> str:
    """The short name of the filter, from FILTER or else the options."""
    name = first_text(("FILTER",), *headers) or options.filter
    if not name:
        raise InputFileError(path, "FILTER is missing", "Write it into its header")
    try:
        return short_filter(name)
    except UnknownFilterError as error:
        advice = "Correct FILTER in its header, or leave the exposure out"
        raise InputFileError(path, str(error), advice, hdu=0) from error


def exposure_seconds(path: Path, options, *headers: Cards) -> float:
    """The exposure time in seconds, from EXPTIME or EXPOSURE or else the options."""
    seconds = first_number(("EXPTIME", "EXPOSURE"), *headers)
    if not np.isfinite(seconds) and options.exposure_seconds is not None:
        seconds = options.exposure_seconds
    if not seconds > 0:
        raise InputFileError(path, "EXPTIME is missing or not positive", "Write it into its header")
    return seconds
