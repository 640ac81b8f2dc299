"""Light of published neighbours, by which a star's magnitude on an image may be off."""

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import Float, FloatArray
from exposures.science.footprints import unit_vectors

ARCSEC = np.radians(1 / 3600)


def neighbour_share(
    ra: FloatArray, dec: FloatArray, mag: FloatArray, radius_arcsec: Float
) -> FloatArray:
    """(n,) light of the other stars within a radius as a share of a star's own, a ratio.

    ``ra`` and ``dec`` (n,) are ICRS degrees, ``mag`` (n,) is in the band in question: a star whose
    magnitude is NaN has no light, and its own share is infinite where it has neighbours.
    """
    if not len(ra):
        return np.zeros(0)
    light = np.where(np.isfinite(mag), 10 ** (-0.4 * (mag - np.nanmin(mag))), 0)
    tree = cKDTree(unit_vectors(np.column_stack([ra, dec])))
    # A chord: the same as the arc, to 1e-10 of it.
    first, second = tree.query_pairs(radius_arcsec * ARCSEC, output_type="ndarray").T
    around = np.bincount(first, light[second], len(ra)) + np.bincount(second, light[first], len(ra))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(around > 0, around / light, 0)
