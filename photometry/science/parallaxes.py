"""Absolute magnitudes of stars by their parallaxes."""

import numpy as np

from exposures.science.arrays import FloatArray

# Below it the inverse of a parallax is a biased distance, whose error is not that of a Gaussian.
LEAST_SIGMA = 5.0
MAS_AT_10_PC = 100.0


def absolute_magnitudes(
    mag: FloatArray, parallax: FloatArray, parallax_err: FloatArray
) -> FloatArray:
    """Absolute magnitudes (n,) of stars of ``mag`` (n,) with a ``parallax`` (n,) in mas.

    ``m + 5 log10(parallax / 100 mas)``, as published: without extinction, and without the offset of
    the catalogue's parallaxes. NaN where a parallax is not five times its error (n,) mas, as the
    inverse of a less certain one is no distance (Bailer-Jones 2015, PASP 127, 994), and where
    something is unknown.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        is_good = (parallax > 0) & (parallax >= LEAST_SIGMA * parallax_err)
        return np.where(is_good, mag + 5 * np.log10(parallax / MAS_AT_10_PC), np.nan)
