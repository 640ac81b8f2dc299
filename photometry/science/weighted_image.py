"""An image with what is known of each of its pixels."""

from typing import NamedTuple

import numpy as np

from exposures.science.arrays import FloatArray

EVERY = 16  # one row of so many of a large image, or one of so many usable pixels
LARGE = 1_000_000  # pixels


class WeightedImage(NamedTuple):
    """Pixels of one image; all (ny, nx)."""

    data: np.ndarray  # ADU
    weight: np.ndarray  # inverse variance, ADU^-2; 0 where unusable
    mask: np.ndarray  # MaskBit


def usual_noise(weight: FloatArray) -> float:
    """Sigma in ADU of a pixel of an image with inverse variances ``weight`` (ny, nx), ADU^-2.

    By the median of a sixteenth of the pixels. Some pixel has to have weight.
    """
    some = weight[::EVERY] if weight.size > LARGE else weight
    known = some[some > 0]
    if len(known) == 0 or some is weight:
        known = weight[weight > 0][::EVERY]
    return float(1 / np.sqrt(np.median(known)))
