"""Shares of sources and stars that have a counterpart, as functions of magnitude."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import Float, FloatArray
from photometry.science.matching.binning import bins_of, sums

ASSUMED = 8.0  # as many more are as the mean of all
BOUNDS = 1e-4, 0.995  # nothing is sure before it has been looked at


@dataclass(frozen=True)
class ShareByMagnitude:
    """A share as a function of magnitude."""

    knots: np.ndarray  # (k,) mag
    shares: np.ndarray  # (k,)
    mean: Float  # of those without a magnitude

    @classmethod
    def constant(cls, share: float) -> "ShareByMagnitude":
        """The same share, a number, at all magnitudes."""
        return cls(np.zeros(1), np.full(1, share), share)

    @classmethod
    def of(cls, mag: FloatArray, part: FloatArray, whole: FloatArray) -> "ShareByMagnitude":
        """The sum of parts (n,) over that of wholes (n,), by magnitudes (n,) mag, NaN unknown."""
        mean = (part.sum() + 0.5) / (whole.sum() + 1)
        known = np.isfinite(mag)
        if not known.any():
            return cls.constant(float(np.clip(mean, *BOUNDS)))
        knots, bins = bins_of(mag[known], whole[known])
        parts, wholes = (sums(bins, a[known], len(knots)) for a in (part, whole))
        shares = (parts + ASSUMED * mean) / (wholes + ASSUMED)
        return cls(knots, np.clip(shares, *BOUNDS), float(np.clip(mean, *BOUNDS)))

    def at(self, mag: FloatArray) -> FloatArray:
        """(n,) shares at magnitudes (n,) mag; the mean where it is NaN."""
        return np.where(np.isnan(mag), self.mean, np.interp(mag, self.knots, self.shares))
