"""Pixels that carry no information, whatever the instrument."""

import numpy as np

from exposures.chip import UNUSABLE, MaskBit


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
