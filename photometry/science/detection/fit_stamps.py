"""Stamps of an image's stars that are fitted together, and where they lie on it.

Images are indexed ``[y, x]``, positions are pixels from 0.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.stamps import Profiles, fill_stamps

GROWTH = 1.3  # by which there is more room for stamps than there are


class PixelRoom:
    """Memory for stamps, one set after the other: new one takes as long to get as to fill."""

    def __init__(self) -> None:
        self._values = np.empty(0, np.float32)

    def pixels(self, n: int) -> FloatArray:
        """(n,) float32, of any values; what it gave before is in the same place."""
        if n > len(self._values):
            self._values = np.empty(0, np.float32)  # given back before there is more
            self._values = np.empty(int(GROWTH * n), np.float32)
        return self._values[:n]


class StampArrays(NamedTuple):
    """The fields of Stamps, as compiled functions take them."""

    values: FloatArray
    first: IntArray
    size: IntArray
    column: IntArray
    row: IntArray


class Place(NamedTuple):
    """Where a stamp lies on the image, in pixels."""

    side: int  # of the stamp
    row: int  # of its first pixel; may be off the image
    column: int


@dataclass(frozen=True)
class Stamps:
    """The PSF at every star, on square stamps of several sizes, one after the other.

    The outermost pixels only serve the slopes of those within.
    """

    values: np.ndarray  # (sum of size^2,) float32
    first: np.ndarray  # (n,) index of each star's first pixel in ``values``
    size: np.ndarray  # (n,) pixels, odd
    column: np.ndarray  # (n,) of the image, where the stamp's first pixel lies; may be off it
    row: np.ndarray  # (n,)

    @classmethod
    def render(
        cls,
        psf: ChipPsf,
        x: FloatArray,
        y: FloatArray,
        half: IntArray,
        room: PixelRoom | None = None,
    ) -> Self:
        """Stamps of a ChipPsf at ``x, y`` (n,) pixels with half widths ``half`` (n,) pixels.

        Those that were in the same ``room`` before are no more.
        """
        return cls.of(psf.profiles(x, y), x, y, half, room)

    @classmethod
    def of(
        cls,
        profiles: Profiles,
        x: FloatArray,
        y: FloatArray,
        half: IntArray,
        room: PixelRoom | None = None,
    ) -> Self:
        """Stamps of Profiles at ``x, y`` (n,) pixels; all as in ``render``."""
        size = 2 * np.asarray(half, np.int64) + 3
        first = np.cumsum(size**2) - size**2
        values = (room or PixelRoom()).pixels(int(np.sum(size**2)))
        fill_stamps(values, first, size, profiles)
        column, row = (np.round(c).astype(np.int64) - size // 2 for c in (x, y))
        return cls(values, first, size, column, row)

    def __len__(self) -> int:
        return len(self.size)

    @property
    def arrays(self) -> StampArrays:
        """The fields as compiled functions take them."""
        return StampArrays(self.values, self.first, self.size, self.column, self.row)


def cut_out(image: FloatArray, x: FloatArray, y: FloatArray, size: int) -> FloatArray:
    """(n, size, size) of an image (ny, nx) around positions, 0 beyond its edges.

    ``x, y`` (n,) are pixels, on the image; ``size`` is odd. Pixels keep their unit.
    """
    stamps = np.zeros((len(x), size, size), image.dtype)
    row, column = (np.round(c).astype(np.int64) - size // 2 for c in (y, x))
    _cut_out(image, row, column, stamps)
    return stamps


@compiled
def _cut_out(image: FloatArray, row: IntArray, column: IntArray, stamps: FloatArray) -> None:
    ny, nx = image.shape
    side = stamps.shape[1]
    for k in range(len(stamps)):
        top, left = row[k], column[k]
        first, last = max(left, 0), min(left + side, nx)
        for j in range(max(top, 0), min(top + side, ny)):
            stamps[k, j - top, first - left : last - left] = image[j, first:last]


@inlined
def stamp_of(k: int, stamps: StampArrays) -> tuple[FloatArray, Place]:
    """The pixels (side^2,) of the stamp of star ``k``, of sum 1 in all, and its Place."""
    side, first = stamps.size[k], stamps.first[k]
    place = Place(side, stamps.row[k], stamps.column[k])
    return stamps.values[first : first + side * side], place


@inlined
def bounds_of(start: int, side: int, margin: int, length: int) -> tuple[int, int]:
    """The first pixel of a stamp on an image, and that after the last, ``margin`` pixels within.

    Of a stamp (side, side), along one axis: counted from its first pixel, which is ``start`` in an
    image of ``length`` pixels.
    """
    low = max(margin, -start)
    return low, max(min(side - margin, length - start), low)
