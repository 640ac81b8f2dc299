"""Times at the barycentre of the solar system, BJD in TDB, and at the Sun, HJD in UTC."""

from dataclasses import dataclass

import erfa
import numpy as np
from astropy import constants, units
from astropy.coordinates import EarthLocation, get_body_barycentric
from astropy.time import Time

from exposures.science.arrays import BoolArray, FloatArray, Floats, IntArray
from exposures.science.earth_rotation import tables_offline
from exposures.science.motion import J2000_MJD
from exposures.science.quantities import EastLongitude, Latitude, Metres, Options

LIGHT_SECONDS = units.def_unit("light_second", constants.c * units.s)
SECONDS_A_DAY = 86400.0
JD_OF_MJD_0 = 2_400_000.5
FIRST_MJD, LAST_MJD = 0.0, 100_000.0  # 1858 to 2132: no image is older or newer


@dataclass(frozen=True)
class ObservatoryOptions(Options):
    """Where the telescope stands, for times at the barycentre: 21 ms at most hang on it."""

    longitude_degrees: EastLongitude = -70.81489
    """Longitude of the telescope, to the east; as the default that of the Blanco telescope, as
    headers of DECam have it."""
    latitude_degrees: Latitude = -30.16606
    """Latitude of the telescope."""
    height_m: Metres = 2215.0
    """Height of the telescope above the ellipsoid."""


def bjd_tdb(
    mjd: FloatArray, ra: Floats, dec: Floats, observatory: ObservatoryOptions
) -> FloatArray:
    """(n,) barycentric Julian dates in TDB, days, of light from stars that was seen at (n,) MJD.

    ``mjd`` is UTC, and of the middle of an exposure where that is the time that is wanted;
    ``ra`` and ``dec``, ICRS degrees, are numbers or (n,). NaN where one is not finite, or the time
    of no image.

    The time that light takes is that of a plane wave from the direction, to the barycentre from
    where the ``observatory`` is (Eastman, Siverd & Gaudi 2010, PASP 122, 935, equation 9): exact
    for all stars of an image, from one position of the observatory. The Earth is astropy's own,
    off by 45 microseconds at most, and UT1 comes from its tables. Left out are the curvature of
    the wave, 1.2 ms at 1 pc, and the Shapiro delay, 0.1 ms near the Sun.
    """
    is_known, moments, of = _moments(mjd)
    offset, place = _at_the_observatory(moments, observatory)
    found = mjd + (offset[of] + _delay(place[of], ra, dec)) / SECONDS_A_DAY + JD_OF_MJD_0
    return np.where(is_known, found, np.nan)


def hjd_utc(
    mjd: FloatArray, ra: Floats, dec: Floats, observatory: ObservatoryOptions
) -> FloatArray:
    """(n,) heliocentric Julian dates in UTC, days, of light from stars that was seen at (n,) MJD.

    As ``bjd_tdb``, but for the centre of the Sun, and in the time scale of the observation: what
    lists of variable stars expect by the name of HJD. It is up to 4 s off a date at the barycentre
    in UTC, which is 69 s behind one in TDB (Eastman, Siverd & Gaudi 2010, PASP 122, 935).
    """
    is_known, moments, of = _moments(mjd)
    _, place = _at_the_observatory(moments, observatory, "sun")
    found = mjd + _delay(place[of], ra, dec) / SECONDS_A_DAY + JD_OF_MJD_0
    return np.where(is_known, found, np.nan)


def _moments(mjd: FloatArray) -> tuple[BoolArray, FloatArray, IntArray]:
    """(n,) whether times are of images; the k that differ, and (n,) which each is."""
    mjd = np.asarray(mjd, float)
    is_known = (mjd >= FIRST_MJD) & (mjd <= LAST_MJD)
    moments, of = np.unique(np.where(is_known, mjd, J2000_MJD), return_inverse=True)
    return is_known, moments, of


def _delay(place: FloatArray, ra: Floats, dec: Floats) -> FloatArray:
    """(n,) seconds by which light passes (n, 3) places in light seconds before their origin."""
    ra, dec = np.radians(ra), np.radians(dec)
    x, y, z = place.T
    return np.cos(dec) * (x * np.cos(ra) + y * np.sin(ra)) + z * np.sin(dec)


def _at_the_observatory(
    mjd: FloatArray, observatory: ObservatoryOptions, origin: str = ""
) -> tuple[FloatArray, FloatArray]:
    """(n,) seconds by which TDB is ahead of UTC; (n, 3) places in light seconds, ICRS axes.

    Places are from the barycentre, or from the body that is the ``origin``.
    """
    location = EarthLocation.from_geodetic(
        observatory.longitude_degrees, observatory.latitude_degrees, observatory.height_m
    )
    with tables_offline():
        time = Time(mjd, format="mjd", scale="utc", location=location)
        tdb = time.tdb
        # Days and their fractions apart, so that no digit is lost.
        offset = ((tdb.jd1 - time.jd1) + (tdb.jd2 - time.jd2)) * SECONDS_A_DAY
        earth = get_body_barycentric("earth", time, ephemeris="builtin").xyz
        if origin:
            earth = earth - get_body_barycentric(origin, time, ephemeris="builtin").xyz
        here = _from_the_earth(time, observatory)
    return offset, earth.to_value(LIGHT_SECONDS).T + here


def _from_the_earth(time: Time, observatory: ObservatoryOptions) -> FloatArray:
    """(n, 3) places of the observatory from the centre of the Earth, light seconds, ICRS axes.

    The Earth turns by UTC, 0.9 s from UT1 at most, and about a pole that stays: 420 m and 20 m,
    1.4 and 0.07 microseconds. Tables of both would take each process half a second to read.
    """
    longitude, latitude = np.radians([observatory.longitude_degrees, observatory.latitude_degrees])
    angle = erfa.era00(time.jd1, time.jd2)
    still = 0.0, 0.0, 0.0  # where the pole is, and the origin of longitudes
    place = erfa.pvtob(longitude, latitude, observatory.height_m, *still, angle)["p"]
    turned = erfa.c2i06a(time.tt.jd1, time.tt.jd2)  # from axes of the sky to those of the moment
    return np.einsum("nij,ni->nj", turned, place) / constants.c.value
