"""Weights by which outliers count for little, and scatter beyond errors."""

import numpy as np
from astropy.stats import mad_std

from exposures.science.arrays import FloatArray

CAUCHY, TUKEY = 2.385, 4.685  # sigma, at which 95 % of the precision is left of Gaussian errors
LARGEST_EXCESS = 10.0  # mag
N_HALVINGS = 40


def soft_weights(chi: FloatArray) -> FloatArray:
    """(n,) weights from 0 to 1, no unit, of residuals ``chi`` (n,) in sigma: Cauchy's.

    They lead to a fit from far away, as no star is ever out of it.
    """
    return 1 / (1 + (chi / CAUCHY) ** 2)


def tight_weights(chi: FloatArray) -> FloatArray:
    """(n,) weights from 0 to 1, no unit, of residuals ``chi`` (n,) in sigma: Tukey's biweight.

    Zero beyond 4.7 sigma, so that outliers on one side, as blends are, pull at nothing.
    """
    return np.where(np.abs(chi) < TUKEY, (1 - (chi / TUKEY) ** 2) ** 2, 0)


def excess_scatter(residual: FloatArray, error: FloatArray) -> float:
    """The scatter in mag, a number, that added to errors in quadrature explains residuals.

    ``residual`` and ``error`` are (n,) mag; with it the robust spread of ``residual /
    sqrt(error^2 + scatter^2)`` is 1. 0 where the errors alone explain them, NaN without any.
    """
    if not len(residual):
        return np.nan
    low, high = 0.0, LARGEST_EXCESS
    if mad_std(residual / error) <= 1:
        return 0.0
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        spread = mad_std(residual / np.hypot(error, middle))
        low, high = (middle, high) if spread > 1 else (low, middle)
    return high
