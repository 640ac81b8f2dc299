"""Made-up exposures, chips and sources for tests of the tables."""

import numpy as np

from exposures.models import GalExposure, GalImage, Status
from exposures.science.angles import wrap_ra
from photometry.storage.columns import SOURCE_DTYPE

HALF_SIDE = 0.1  # degrees: chips are squares of 0.2 degrees


def make_image(name="1", ra=266.0, dec=-29.0, filter="i", mjd=60000.0, **columns):
    """A reduced chip of an exposure of its own."""
    exposure = GalExposure.objects.create(
        instrument="made up",
        identifier=str(name),
        filter=filter,
        mjd=mjd,
        exposure_seconds=30.0,
        ra=ra,
        dec=dec,
    )
    values = {
        "ccdnum": 1,
        "chip_name": "N4",
        "hdu": 1,
        "path": f"{name}.fits",
        "status": Status.DONE,
        "ra": ra,
        "dec": dec,
        "radius": 1.5 * HALF_SIDE,
        "footprint": square(ra, dec),
    }
    return GalImage.objects.create(exposure=exposure, **values | columns)


def square(ra, dec, half_side=HALF_SIDE):
    """ra, dec of the corners of a square in the tangent plane at a position."""
    x, y = np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]]) * half_side
    return np.column_stack(from_tangent_plane(x, y, ra, dec)).ravel().tolist()


def from_tangent_plane(x, y, ra, dec):
    """ra, dec in degrees of offsets in degrees from a position, also at the poles."""
    xi, eta, dec = np.radians(x), np.radians(y), np.radians(dec)
    denominator = np.cos(dec) - eta * np.sin(dec)
    out_ra = wrap_ra(ra + np.degrees(np.arctan2(xi, denominator)))
    north = np.sin(dec) + eta * np.cos(dec)
    return out_ra, np.degrees(np.arctan2(north, np.hypot(denominator, xi)))


def make_sources(n, ra=266.0, dec=-29.0, seed=1):
    """Rows without ids, at random in the square round a position."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(n, SOURCE_DTYPE)
    x, y = rng.uniform(-HALF_SIDE, HALF_SIDE, (2, n))
    rows["ra"], rows["dec"] = from_tangent_plane(x, y, ra, dec)
    rows["x"], rows["y"] = x, y
    rows["mag"] = rng.uniform(15, 22, n)
    rows["mag_err"] = 0.02
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - 30))
    rows["flux_err"] = 0.02 * rows["flux"]
    rows["rchi2"] = np.nan
    rows["fracflux"] = rows["quality"] = 1
    return rows
