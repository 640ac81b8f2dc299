"""The sky that is left when all known stars are taken out of an image: medians of small boxes."""

import numba
import numpy as np
from scipy.ndimage import gaussian_filter

MIN_BOX_PIXELS = 20  # usable pixels below which a box takes its level from those around it


def residual_sky(residual, weight, box_pixels):
    """(ny, nx) float32 surface through medians of boxes of about ``box_pixels`` squared.

    Bilinear between the centres of the boxes, constant beyond the outer ones. Zero where no pixel
    of positive weight is near.
    """
    edges = [
        np.linspace(0, side, int(np.ceil(side / box_pixels)) + 1).astype(np.int64)
        for side in residual.shape
    ]
    level = _fill(_medians(residual, weight, *edges))
    along_y, along_x = (_interpolation(e) for e in edges)
    return (along_y @ level.astype(np.float32)) @ along_x.T


def _interpolation(edges):
    """(n_pixels, n_boxes) matrix that takes levels of boxes to pixels."""
    centres = (edges[:-1] + edges[1:] - 1) / 2
    pixels = np.arange(edges[-1])
    columns = [np.interp(pixels, centres, unit) for unit in np.eye(len(centres))]
    return np.array(columns, np.float32).T


def _fill(level, n_rounds=100):
    """Levels of boxes that have none, spread from their neighbours."""
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


@numba.njit(cache=True)
def _medians(image, weight, y_edges, x_edges):
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
