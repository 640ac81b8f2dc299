"""Camera, filter and exposure time, which every exposure's header must have."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.cards import (
    Cards,
    first_number,
    first_text,
    number_within,
    shown_values,
)
from exposures.fits.filters import UnknownFilterError, short_filter
from exposures.science.astrometry import pixel_scale_arcsec

# What a filter wheel has beside filters, for darks.
OPAQUE = re.compile(r"solid plate|block(ed)?( 0)?|opaque|dark", re.IGNORECASE)
MAX_CAMERA_LENGTH = 80  # of a column that holds a name


def camera_name(*headers: Cards) -> str:
    """The camera's own name, from INSTRUME or else TELESCOP; "" if neither is there."""
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


@dataclass(frozen=True)
class Hints:
    """Header values that serve only as first guesses; NaN where absent."""

    fwhm_pixels: float
    zero_point: float  # magnitude of 1 ADU
    notes: tuple[str, ...]  # on what is out of its range


def hints(limits, *headers: Cards) -> Hints:
    """The seeing and the zero point, within HeaderLimits."""
    fwhm, notes = number_within(limits.fwhm, ("FWHM",), headers[0])
    zero_point, more = number_within(limits.zero_point, ("MAGZERO",), *headers)
    return Hints(fwhm, zero_point, (*notes, *more))


def check_scale(path: Path, image, wcs, limits) -> None:
    """Raise InputFileError if the pixels of an image have a side that no camera's have."""
    scale = pixel_scale_arcsec(wcs, image.shape)
    if not limits.scale.holds(scale):
        raise InputFileError(
            path,
            f"by its WCS a pixel has {scale:.3g} arcsec, but {limits.scale}",
            "Solve its astrometry first, with astrometry.net or SCAMP, in ICRS",
            hdu=image.label,
        )


def exposure_seconds(path: Path, options, *headers: Cards) -> float:
    """The exposure time in seconds, from EXPTIME or EXPOSURE or else the options."""
    keys, limits = ("EXPTIME", "EXPOSURE"), options.header.exposure_seconds
    seconds = first_number(keys, *headers)
    if limits.holds(seconds):
        return seconds
    if not np.isfinite(seconds) and options.exposure_seconds is not None:
        return options.exposure_seconds
    if np.isfinite(seconds) and seconds > 0:
        problem = f"{shown_values(keys, *headers)}, but {limits}"
    else:
        there = shown_values(keys, *headers)
        problem = "EXPTIME is missing or not positive" + (f": {there}" if there else "")
    raise InputFileError(path, problem, "Write it into its header, in seconds")
