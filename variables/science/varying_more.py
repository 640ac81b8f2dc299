"""Whether a star varies by more than it did."""

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray

LEAST_MAG = 0.1  # by which a change or scatter has to grow
LEAST_SHARE = 0.25  # of what it was


def varies_more(before_mag: FloatArray, now_mag: FloatArray) -> BoolArray:
    """(n,) whether amplitudes (n,) mag are larger than before by what is worth a word.

    That is by LEAST_MAG and by LEAST_SHARE of what they were, whatever their signs. False where
    either is NaN: what was not known has not grown.
    """
    before, now = np.abs(before_mag), np.abs(now_mag)
    return now - before >= np.maximum(LEAST_MAG, LEAST_SHARE * before)
