"""Types of numbers and arrays; what has a shape says it where it is used."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pixels are of single precision and results of double, so neither is told apart from the other.
FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
Float = float | np.floating[Any]  # one number; numpy's of single precision is no float
Floats = Float | FloatArray | IntArray  # one number, or an array of them
Index = IntArray | BoolArray  # of rows: their numbers, or a mask
Shape = tuple[int, int]  # ny, nx
