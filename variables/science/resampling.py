"""Pixels of one image resampled to the grid of another, round one position."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import (
    affine_transform,
    distance_transform_edt,
    maximum_filter,
    minimum_filter,
    spline_filter,
)

from exposures.science.arrays import BoolArray, FloatArray

ORDER = 3  # of the spline
PADDING = 12  # pixels by which a cut is larger than what is made of it


def cut_stamp(image: np.ndarray, x: int, y: int, side: int, beyond: float = 0) -> np.ndarray:
    """(side, side) pixels round the pixel ``x, y``, filled with ``beyond`` off the edge.

    ``image`` (ny, nx) is in any unit and type, which the result has; ``x, y`` are whole numbers and
    may lie off it; ``side`` is odd.
    """
    half = side // 2
    out = np.full((side, side), beyond, image.dtype)
    y0, y1 = max(y - half, 0), min(y + half + 1, image.shape[0])
    x0, x1 = max(x - half, 0), min(x + half + 1, image.shape[1])
    if y1 > y0 and x1 > x0:
        out[y0 - y + half : y1 - y + half, x0 - x + half : x1 - x + half] = image[y0:y1, x0:x1]
    return out


def middle(region: np.ndarray, side: int) -> np.ndarray:
    """The (side, side) pixels in the middle of a region (n, n), in any unit; a view."""
    first = (len(region) - side) // 2
    return region[first : first + side, first : first + side]


def resample_cutout(
    data: FloatArray, weight: FloatArray, place: ArrayLike, matrix: FloatArray, side: int
) -> tuple[FloatArray, FloatArray]:
    """(side, side) pixels and weights of another grid, by a cubic spline through ``data``.

    ``place`` is y, x of its middle on ``data``, and ``matrix`` (2, 2) how y, x there change with
    y, x of the grid: over a stamp, WCSs differ by no more. Weights are 0 where a pixel or one of
    its neighbours is masked; there the nearest pixel is given as it is, and NaN off the image.
    """
    half = side // 2
    reach = int(np.ceil(half * np.abs(matrix).sum(axis=1).max())) + PADDING
    y, x = np.rint(place).astype(int)
    own = cut_stamp(data, x, y, 2 * reach + 1, np.nan)
    own_weight = np.where(np.isfinite(own), cut_stamp(weight, x, y, 2 * reach + 1), 0)
    if not np.any(own_weight > 0):
        return np.full((side, side), np.nan), np.zeros((side, side))
    offset = np.asarray(place) - (y, x) + reach - matrix @ (half, half)

    def on_grid(pixels: FloatArray, order: int) -> FloatArray:
        return affine_transform(
            pixels, matrix, offset, (side, side), order=order, prefilter=False, mode="nearest"
        )

    filled = _filled(own, own_weight > 0)
    pixels = on_grid(spline_filter(filled, ORDER, output=np.float32), ORDER)
    # It rings at the edges of what is no star, such as a saturated column: nothing is so dark.
    pixels = np.maximum(pixels, on_grid(minimum_filter(filled, 3), 0))
    weights = on_grid(own_weight, 0)
    masked = weights <= 0
    if masked.any():
        pixels = np.where(masked, on_grid(own, 0), pixels)
        weights = np.where(maximum_filter(masked, 3), 0, weights)
    return pixels, weights


def _filled(pixels: FloatArray, usable: BoolArray) -> FloatArray:
    """Masked pixels replaced by the nearest that are not: a spline would ring round them."""
    if usable.all():
        return pixels
    nearest = distance_transform_edt(~usable, return_distances=False, return_indices=True)
    return pixels[tuple(nearest)]
