"""Scatter about a known centre, where outliers count for little; about a median it is astropy's."""

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

# Standard deviation of a Gaussian over its median absolute deviation, as astropy.stats.mad_std.
# A float of Python's: single precision stays what it is. Not by scipy.stats, whose import alone
# takes half a second of each command.
MAD_TO_SIGMA = float(1 / ndtri(0.75))
# Standard error of the median of a Gaussian sample over that of its mean.
MEDIAN_ERROR = sqrt(pi / 2)


def sigma_about_zero(
    deviations: ArrayLike, axis: int | None = None, ignore_nan: bool = False
) -> Any:
    """Standard deviation of a Gaussian about 0 with the same median absolute deviation.

    ``deviations`` (n,), or of any shape with ``axis``, are in any unit, which is the result's: a
    number, or an array without the ``axis``. NaN where one of them is NaN, unless ``ignore_nan``.
    """
    median = np.nanmedian if ignore_nan else np.median
    return MAD_TO_SIGMA * median(np.abs(deviations), axis=axis)
