"""Masking of pixels without information, for any instrument."""

import numpy as np

from exposures.chip import UNUSABLE, MaskBit
from exposures.science.impossible_pixels import impossible_pixels

# Where more of the pixels are above the ceiling, it is that which is wrong, or in another unit.
MAX_ABOVE = 0.5
ENOUGH_PIXELS = 500_000  # that tell what most are, and a median to 0.2 %


def without_impossible(data, usable, noise, limits, ceiling=np.inf):
    """Data with NaN for impossible values, and a list of notes about them.

    ``data`` (ny, nx) ADU; ``usable`` (ny, nx) are the pixels believed so far, ``noise`` is the
    sky's in ADU, ``limits`` are PixelLimits. What is usable isn't above ``ceiling``, ADU, one
    value or (nx,).
    """
    found = impossible_pixels(data, usable, noise, limits)
    with np.errstate(invalid="ignore"):
        above = usable & (data > ceiling)
    if np.count_nonzero(above) < MAX_ABOVE * np.count_nonzero(usable):
        found |= above
    if not found.any():
        return data, []
    values = data[found & usable]
    notes = []
    if len(values):
        extent = f"{values.min():.3g} to {values.max():.3g} ADU"
        notes = [f"pixels: {len(values)} masked, whose values no sky or star gives ({extent})"]
    return np.where(found, np.float32(np.nan), data), notes


def without_impossible_weights(weight, limits):
    """Weight with 0 where it is undefined, negative or far above the others, and the notes."""
    positive = _positive(some_rows(weight))
    if len(positive) == 0:
        positive = _positive(weight)
    if len(positive) == 0:
        return np.zeros_like(weight), []
    largest = limits.weight_ratio * np.median(positive)
    with np.errstate(invalid="ignore"):
        bad = ~((weight >= 0) & (weight <= largest))
    if not bad.any():
        return weight, []
    notes = [f"weights: {np.count_nonzero(bad)} masked, which are undefined, negative or too large"]
    return np.where(bad, np.float32(0), weight), notes


def some_rows(pixels):
    """Rows of a large image, spread over it, with ENOUGH_PIXELS or more; all of a small one."""
    return pixels[:: max(1, pixels.size // ENOUGH_PIXELS)]


def _positive(weight):
    return weight[np.isfinite(weight) & (weight > 0)]


def typical_noise(weight, usable):
    """The noise of a pixel by the median of its weights, in the unit of the data; NaN without."""
    weights = some_rows(weight)[some_rows(usable)]
    if len(weights) == 0:
        weights = weight[usable]
    return float(1 / np.sqrt(np.median(weights))) if len(weights) else np.nan


def without_unusable(data, weight, mask):
    """Data, weight and mask with weight 0 and a reason wherever a pixel can't be used.

    Undefined values are replaced by the median, so that no stamp or filter spreads them.
    """
    undefined = ~np.isfinite(data)
    weighted = np.isfinite(weight) & (weight > 0) & ~undefined
    flagged = (mask & np.uint8(UNUSABLE)) != 0
    mask = np.where(weighted | flagged, mask, mask | np.uint8(MaskBit.NO_VALUE))
    usable = weighted & ~flagged
    if undefined.any():
        fill = np.median(data[usable]) if usable.any() else 0
        data = np.where(undefined, np.float32(fill), data)
    return data, np.where(usable, weight, np.float32(0)), mask
