"""The residual sky after subtraction of all known stars, by medians in small boxes."""

import numpy as np
from scipy.ndimage import gaussian_filter

from exposures.science.arrays import FloatArray
from photometry.science.box_medians import box_medians
from photometry.science.boxes import between_boxes

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
    medians = box_medians(residual, weight, (edges[0], edges[1]), MIN_BOX_PIXELS)
    level = _fill(medians).astype(np.float32)
    return between_boxes(level, *edges)


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
