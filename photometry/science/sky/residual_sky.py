"""The residual sky after subtraction of all known stars, by medians in small boxes."""

import numpy as np
from scipy.ndimage import gaussian_filter

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled

MIN_BOX_PIXELS = 20  # usable pixels below which a box takes its level from those around it


def residual_sky(residual: FloatArray, weight: FloatArray, box_pixels: int) -> FloatArray:
    """(ny, nx) float32 surface through medians of boxes of about ``box_pixels`` squared.

    ``residual`` (ny, nx) is in any unit, and the surface in the same; ``weight`` (ny, nx) is its
    inverse variance. Bilinear between the centres of the boxes, constant beyond the outer ones.
    Zero where no pixel of positive weight is near.
    """
    edges = [
        np.linspace(0, side, int(np.ceil(side / box_pixels)) + 1).astype(np.int64)
        for side in residual.shape
    ]
    level = _fill(_medians(residual, weight, *edges)).astype(np.float32)
    (below, up), (left, right) = (_neighbours(e) for e in edges)
    # Not by matrices, whose last digit depends on the number of threads.
    return _bilinear(level, below, up, left, right)


def _neighbours(edges: IntArray) -> tuple[IntArray, FloatArray]:
    """For each pixel of an axis, the box with centre below it, and the weight of the next."""
    centres = (edges[:-1] + edges[1:] - 1) / 2
    place = np.interp(np.arange(edges[-1]), centres, np.arange(len(centres)))
    below = np.minimum(place.astype(np.int64), max(len(centres) - 2, 0))
    return below, (place - below).astype(np.float32)


def _fill(level: FloatArray, n_rounds: int = 100) -> FloatArray:
    """Fill boxes without a level from their neighbours."""
    for _ in range(n_rounds):
        known = np.isfinite(level)
        if known.all():
            break
        share = gaussian_filter(known.astype(float), 0.6, mode="constant")
        spread = gaussian_filter(np.where(known, level, 0), 0.6, mode="constant")
        reached = ~known & (share > 1e-6)
        if not reached.any():
            break
        level = np.where(reached, spread / np.where(reached, share, 1), level)
    return np.nan_to_num(level)


@compiled
def _medians(
    image: FloatArray, weight: FloatArray, y_edges: IntArray, x_edges: IntArray
) -> FloatArray:
    level = np.empty((len(y_edges) - 1, len(x_edges) - 1))
    for j in range(level.shape[0]):
        for i in range(level.shape[1]):
            box = image[y_edges[j] : y_edges[j + 1], x_edges[i] : x_edges[i + 1]]
            use = weight[y_edges[j] : y_edges[j + 1], x_edges[i] : x_edges[i + 1]]
            values = np.empty(box.size, np.float32)
            n = 0
            for y in range(box.shape[0]):
                for x in range(box.shape[1]):
                    if use[y, x] > 0:
                        values[n] = box[y, x]
                        n += 1
            level[j, i] = np.median(values[:n]) if n >= MIN_BOX_PIXELS else np.nan
    return level


@compiled
def _bilinear(
    level: FloatArray, below: IntArray, up: FloatArray, left: IntArray, right: FloatArray
) -> FloatArray:
    surface = np.empty((len(below), len(left)), np.float32)
    last_row, last_column = level.shape[0] - 1, level.shape[1] - 1
    for j in range(surface.shape[0]):
        first, second = level[below[j]], level[min(below[j] + 1, last_row)]
        row = first + up[j] * (second - first)
        for i in range(surface.shape[1]):
            start = row[left[i]]
            end = row[min(left[i] + 1, last_column)]
            surface[j, i] = start + right[i] * (end - start)
    return surface
