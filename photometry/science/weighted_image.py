"""An image with what is known of each of its pixels."""

from typing import NamedTuple

import numpy as np


class WeightedImage(NamedTuple):
    """Pixels of one image; all (ny, nx)."""

    data: np.ndarray  # ADU
    weight: np.ndarray  # inverse variance, ADU^-2; 0 where unusable
    mask: np.ndarray  # MaskBit
