"""The geometry of DECam's chips on the focal plane, and their amplifiers."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from exposures.chip import Amplifier

# Chips of each row, in the order of their x; in a row the number grows with y.
ROWS = (3, 4, 5, 6, 6, 7, 7, 6, 6, 5, 4, 3)
SOUTH_NAMES = (29, 25, 20, 14, 8, 1)  # of each row's names, the first number
FULL_SHAPE = (4094, 2046)
N_CHIPS = sum(ROWS)
GAPS = (165, 208)  # pixels between chips, along y and x
PIXEL_DEGREES = 7.29e-5

# TPV distortion of the size and shape of the real corrector's.
DISTORTION = {
    "PV1_0": -0.0021, "PV1_1": 1.0092, "PV1_2": -0.0006, "PV1_4": -0.0069, "PV1_5": 0.0016,
    "PV1_6": -0.0010, "PV1_7": 0.0009, "PV1_8": -0.0013, "PV1_9": -0.0018, "PV1_10": -0.0002,
    "PV2_0": 0.0003, "PV2_1": 1.0063, "PV2_2": -0.0004, "PV2_4": 0.0002, "PV2_5": -0.0025,
    "PV2_6": 0.0009, "PV2_7": -0.0063, "PV2_8": -0.0014, "PV2_9": -0.0015, "PV2_10": -0.0004,
}  # fmt: skip


@dataclass(frozen=True)
class Detector:
    """One CCD, with its name and position in the mosaic."""

    ccdnum: int
    name: str  # DETPOS
    row: float  # from the middle of the mosaic, in chips along x
    column: float  # in chips along y

    def reference_pixel(self, shape):
        """CRPIX1, CRPIX2 (counted from 1) for chips of a shape."""
        pitch_y, pitch_x = (side + gap for side, gap in zip(shape, GAPS, strict=True))
        return (
            (shape[1] + 1) / 2 - self.row * pitch_x,
            (shape[0] + 1) / 2 - self.column * pitch_y,
        )

    def amplifiers(self, shape) -> tuple[Amplifier, Amplifier]:
        """A and B, the same on every exposure: A is the right half of the S chips."""
        rng = np.random.default_rng([62, self.ccdnum])
        halves = [(0, shape[1] // 2), (shape[1] // 2, shape[1])]
        return tuple(
            Amplifier(
                start,
                stop,
                gain=round(rng.uniform(3.5, 4.1), 4),
                read_noise=round(rng.uniform(8, 11), 3),
                saturation=round(rng.uniform(42_000, 50_000), 2),
            )
            for start, stop in (halves[::-1] if self.ccdnum <= 31 else halves)
        )

    def bad_columns(self, shape):
        """Columns that are bad on every exposure."""
        rng = np.random.default_rng([63, self.ccdnum])
        return rng.choice(shape[1], max(1, shape[1] // 700), replace=False)


def detectors(n):
    """The ``n`` chips nearest to the middle of the mosaic, by number."""
    chips = sorted(_all_detectors(), key=lambda d: (np.hypot(2 * d.column, d.row), d.ccdnum))
    return sorted(chips[:n], key=lambda d: d.ccdnum)


def _all_detectors():
    ccdnum = 0
    for row, n in enumerate(ROWS):
        south = row < len(SOUTH_NAMES)
        first = SOUTH_NAMES[row] if south else SOUTH_NAMES[len(ROWS) - 1 - row]
        for column in range(n):
            ccdnum += 1
            yield Detector(
                ccdnum,
                f"{'S' if south else 'N'}{first + column}",
                row=row - 5.5,
                column=column - (n - 1) / 2,
            )


@dataclass(frozen=True)
class Pointing:
    """The pointing shared by all chips: CRVAL and the linear part of the WCS."""

    ra: float
    dec: float
    rotation_radians: float = 0.0
    scale: float = 1.0

    def cards(self, detector, shape) -> dict:
        """The WCS cards of a chip: TPV, with +x to the south and +y to the east."""
        crpix1, crpix2 = detector.reference_pixel(shape)
        cos, sin = np.cos(self.rotation_radians), np.sin(self.rotation_radians)
        step = PIXEL_DEGREES * self.scale
        return {
            "WCSAXES": 2, "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV",
            "CUNIT1": "deg", "CUNIT2": "deg", "CRVAL1": self.ra, "CRVAL2": self.dec,
            "CRPIX1": crpix1, "CRPIX2": crpix2, "CD1_1": step * sin, "CD1_2": step * cos,
            "CD2_1": -step * cos, "CD2_2": step * sin,
            **DISTORTION,
        }  # fmt: skip

    def wcs(self, detector, shape) -> WCS:
        header = fits.Header()
        header.update(self.cards(detector, shape))
        return WCS(header)
