"""The calibrated image of one detector, as every later step uses it."""

from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

import numpy as np
from astropy.wcs import WCS


class MaskBit(IntFlag):
    """Reasons to distrust a pixel, to which each instrument's own codes are translated."""

    BAD = 1
    NO_VALUE = 2
    SATURATED = 4
    BLEED = 8
    COSMIC_RAY = 16
    LOW_WEIGHT = 32
    STREAK = 64


# Pixels with one of these carry no information and get weight 0.
UNUSABLE = MaskBit.BAD | MaskBit.NO_VALUE | MaskBit.SATURATED | MaskBit.BLEED | MaskBit.COSMIC_RAY


@dataclass(frozen=True)
class Amplifier:
    """A read-out channel: columns ``x_start`` to ``x_stop`` (exclusive) of the chip."""

    x_start: int
    x_stop: int
    gain: float  # e-/ADU
    read_noise: float  # e-
    saturation: float  # ADU


@dataclass(frozen=True)
class Chip:
    """A detector's pixels with all that is needed to measure stars on them.

    Arrays are indexed ``[y, x]``; pixel centres are at integers from 0; angles are ICRS degrees.
    """

    name: str  # detector name: "N4", or the extension's name
    ccdnum: int  # from 1
    data: np.ndarray  # (ny, nx) float32, ADU, sky included
    weight: np.ndarray  # (ny, nx) float32, inverse variance in ADU^-2; 0 where unusable
    mask: np.ndarray  # (ny, nx) uint8, MaskBit
    wcs: WCS
    amplifiers: tuple[Amplifier, ...]
    fwhm_pixels: float  # from the header; NaN where absent
    zero_point: float  # mag of 1 ADU, from the header; NaN where absent: a cross-check only
    path: Path
    hdu: int
    notes: tuple[str, ...] = ()  # what was masked or assumed when it was read

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape

    @property
    def saturation(self) -> float:
        """The level in ADU at which the first amplifier saturates."""
        return min(amplifier.saturation for amplifier in self.amplifiers)

    def gain_map(self) -> np.ndarray:
        """(nx,) gain in e-/ADU of each column."""
        return self._by_column("gain")

    def read_noise_map(self) -> np.ndarray:
        """(nx,) read noise in e- of each column."""
        return self._by_column("read_noise")

    def saturation_map(self) -> np.ndarray:
        """(nx,) level in ADU at which each column saturates."""
        return self._by_column("saturation")

    def _by_column(self, attribute):
        values = np.empty(self.shape[1])
        for amplifier in self.amplifiers:
            values[amplifier.x_start : amplifier.x_stop] = getattr(amplifier, attribute)
        return values


@dataclass(frozen=True)
class ChipEntry:
    """The place of one chip in the files of an exposure."""

    name: str
    ccdnum: int
    hdu: int  # in the image file; the siblings are matched by name


@dataclass(frozen=True)
class ExposureFacts:
    """The facts in an exposure's headers, known before any pixel is read."""

    instrument: str  # "decam", or the camera's own name; "plain" where it has none
    identifier: str  # EXPNUM, or the file's stem where there is none
    image_path: Path
    weight_path: Path | None
    mask_path: Path | None
    filter: str  # "g", "r", "i", "z", "Y", "VR", "N964", ...
    mjd: float  # UTC, middle of the exposure
    exposure_seconds: float
    object_name: str
    proposal: str
    pipeline_version: str  # PLVER
    ra: float  # of the first chip's centre
    dec: float
    chips: tuple[ChipEntry, ...]
    time_resolution_seconds: float = 0.0  # of the last digit that the header has
    is_combined: bool = False  # of several exposures

    @property
    def is_triplet(self) -> bool:
        """Whether image, weight and data quality are three files, as InstCal's are."""
        return self.mask_path is not None
