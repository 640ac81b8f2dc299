"""Saturated stars, by the pixels that the mask says are saturated."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from exposures.chip import MaskBit
from exposures.science.arrays import IntArray


@dataclass(frozen=True)
class SaturatedStars:
    """Saturated stars, most saturated pixels first; (n,) pixels from 0."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray  # of a disk of as many pixels as are saturated

    def __len__(self) -> int:
        return len(self.x)


def saturated_stars(mask: IntArray, min_pixels: int, max_stars: int) -> SaturatedStars:
    """The SaturatedStars of ``mask`` (ny, nx), bits of MaskBit.

    They are groups of ``min_pixels`` or more that touch, at most ``max_stars``. Places are medians
    of their pixels, so that a trail along one axis does not move them along the other. A fit can't
    tell them: its flux of a star with many saturated pixels is wrong by factors, or it has none.
    """
    saturated = (mask & np.uint8(MaskBit.SATURATED)) != 0
    pixels = np.flatnonzero(saturated)
    rows, columns = np.divmod(pixels, mask.shape[1])
    groups = ndimage.label(saturated, np.ones((3, 3)))[0].ravel()[pixels]
    counts = np.bincount(groups)
    chosen = np.flatnonzero(counts >= max(min_pixels, 1))
    chosen = chosen[np.argsort(-counts[chosen], kind="stable")][:max_stars]
    x, y = (_medians(values, groups, chosen) for values in (columns, rows))
    return SaturatedStars(x, y, np.sqrt(counts[chosen] / np.pi))


def _medians(values: IntArray, groups: IntArray, chosen: IntArray) -> np.ndarray:
    if len(chosen) == 0:
        return np.zeros(0)
    return np.asarray(ndimage.median(values.astype("f8"), groups, chosen))
