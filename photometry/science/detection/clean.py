"""The selection of clean stars: on usable pixels, unsaturated and hardly blended."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exposures.chip import MaskBit
from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import Fraction, MaskBits, Options
from photometry.science.extended_sources import EXTENDED


@dataclass(frozen=True)
class CleanOptions(Options):
    """The criteria of clean stars, which calibrate positions, magnitudes and errors."""

    min_quality: Fraction = 0.95
    """Least share of a clean star's PSF on usable pixels."""
    min_fracflux: Fraction = 0.5
    """Least share of the light in its stamp that is a clean star's own."""
    allowed_flags: MaskBits = int(MaskBit.LOW_WEIGHT)
    """Sum of the mask's bits that a clean star may have. Low weight (32) is one: the weight says
    the same better, and its bit may be set all over a chip."""


class FittedStars(Protocol):
    """What a fit says of stars: Detections, or a ForcedFit."""

    @property
    def quality(self) -> FloatArray:
        """(n,) share of the PSF on usable pixels."""

    @property
    def fracflux(self) -> FloatArray:
        """(n,) share of the light in the stamp that is the star's own."""

    @property
    def flags(self) -> IntArray:
        """(n,) bits of MaskBit."""


def is_clean(stars: FittedStars | np.ndarray, options: CleanOptions) -> BoolArray:
    """(n,) whether stars are on usable pixels, hardly blended, and without a relevant flag.

    ``stars`` are Detections, a ForcedFit or rows of galsources: all have quality and fracflux,
    shares of 0 to 1, and flags, bits of MaskBit. NaN is never clean.
    """
    fracflux = _column(stars, "fracflux")
    return is_well_measured(stars, options) & (fracflux > options.min_fracflux)


def is_well_measured(stars: FittedStars | np.ndarray, options: CleanOptions) -> BoolArray:
    """(n,) whether stars meet the criteria of ``is_clean`` on usable pixels and flags.

    Whatever their neighbours, that is their fracflux; NaN is never whole.
    """
    return has_no_flag(stars, options) & (_column(stars, "quality") > options.min_quality)


def has_no_flag(stars: FittedStars | np.ndarray, options: CleanOptions) -> BoolArray:
    """(n,) whether stars have no mask bits but the allowed ones.

    EXTENDED is no mask bit. Among the stars that calibrate, galaxies are few; without them the
    errors of what lies beside one would be those of stars that lie beside none.
    """
    return (_column(stars, "flags") & ~(options.allowed_flags | EXTENDED)) == 0


def _column(stars: FittedStars | np.ndarray, name: str) -> np.ndarray:
    """A column of a structured array, whose ``flags`` is numpy's, or of an object with arrays."""
    return stars[name] if isinstance(stars, np.ndarray) else getattr(stars, name)
