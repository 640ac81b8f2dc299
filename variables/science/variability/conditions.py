"""Conditions of images that measurements follow where they are at fault: seeing, airmass, place."""

import numpy as np

from exposures.science.arrays import FloatArray, Floats
from exposures.science.barycentre import ObservatoryOptions
from photometry.science.scatter import MAD_TO_SIGMA

LEAST_STEP = 1e-6  # of a condition, below which it is the same on all images
MAX_SIGMA = 3.0  # beyond which a condition counts as one of this size
GMST_EPOCH = 51544.5  # MJD of J2000


def airmass(
    mjd: FloatArray, ra: Floats, dec: Floats, observatory: ObservatoryOptions
) -> FloatArray:
    """(n,) airmass at times ``mjd`` (n,) of positions, numbers or (n,) degrees, without a unit.

    ``sec z`` of a plane atmosphere, with the mean sidereal time to the second (Meeus 1998,
    Astronomical Algorithms, eq. 12.4) where the ``observatory`` is. NaN below 5 degrees of
    altitude.
    """
    longitude, latitude = observatory.longitude_degrees, observatory.latitude_degrees
    days = np.asarray(mjd, "f8") - GMST_EPOCH
    hour_angle = np.radians(280.46061837 + 360.98564736629 * days + longitude - ra)
    latitude, dec = np.radians(latitude), np.radians(dec)
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour_angle)
    result: FloatArray = np.where(sine > np.sin(np.radians(5)), 1 / sine, np.nan)
    return result


def standard_conditions(conditions: dict[str, FloatArray]) -> FloatArray:
    """(n, n_images) conditions as robust deviations from their medians, without a unit.

    ``conditions`` are (n_images,) in any units, by name. One that is not known of all images, or
    is the same on all, is left out; the square of the seeing comes with it, as flux that is traded
    is not linear in it.
    """
    rows = []
    for name, values in conditions.items():
        off = np.asarray(values, "f8") - np.median(values)
        scale = MAD_TO_SIGMA * np.median(np.abs(off)) if np.isfinite(off).all() else 0.0
        if len(off) and scale > LEAST_STEP:
            row = np.clip(off / scale, -MAX_SIGMA, MAX_SIGMA)
            rows.append(row)
            if name == "seeing":
                rows.append(row**2 - np.mean(row**2))
    n_images = len(next(iter(conditions.values()))) if conditions else 0
    return np.array(rows) if rows else np.zeros((0, n_images))
