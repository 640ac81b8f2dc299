"""Positions on an image."""

from typing import NamedTuple

import numpy as np


class PixelPositions(NamedTuple):
    """Positions on an image in pixels from 0; both (n,), or of another shape that they share."""

    x: np.ndarray
    y: np.ndarray
