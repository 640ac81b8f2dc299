"""Barycentric times: as others have them, and what they hang on."""

import socket
import warnings

import numpy as np
import pytest
from astropy import constants
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time

from exposures.science.barycentre import ObservatoryOptions, _from_the_earth, bjd_tdb, hjd_utc
from exposures.science.earth_rotation import tables_offline

CTIO = ObservatoryOptions()
SECONDS = 86400.0


def sky(n, seed=1):
    """MJD of a lifetime of DECam and a little more, and positions all over the sky."""
    rng = np.random.default_rng(seed)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    return rng.uniform(55_000, 63_000, n), rng.uniform(0, 360, n), dec


def test_times_are_those_of_astropy_s_light_travel_time():
    mjd, ra, dec = sky(200)
    place = EarthLocation.from_geodetic(
        CTIO.longitude_degrees, CTIO.latitude_degrees, CTIO.height_m
    )
    with tables_offline():
        time = Time(mjd, format="mjd", scale="utc", location=place)
        travel = time.light_travel_time(SkyCoord(ra, dec, unit="deg"), ephemeris="builtin")
        expected = (time.tdb + travel).jd
    np.testing.assert_allclose(bjd_tdb(mjd, ra, dec, CTIO), expected, atol=1e-4 / SECONDS, rtol=0)


def test_heliocentric_times_are_those_of_astropy_s_light_travel_time():
    mjd, ra, dec = sky(200, seed=2)
    place = EarthLocation.from_geodetic(
        CTIO.longitude_degrees, CTIO.latitude_degrees, CTIO.height_m
    )
    with tables_offline():
        time = Time(mjd, format="mjd", scale="utc", location=place)
        star = SkyCoord(ra, dec, unit="deg")
        travel = time.light_travel_time(star, "heliocentric", ephemeris="builtin")
    expected = time.jd + travel.jd
    np.testing.assert_allclose(hjd_utc(mjd, ra, dec, CTIO), expected, atol=1e-3 / SECONDS, rtol=0)


def test_a_time_of_no_image_has_no_heliocentric_time():
    assert np.isnan(hjd_utc(np.array([np.nan, -1.0]), 10.0, 20.0, CTIO)).all()


def earth_by_kepler(mjd):
    """(n, 3) the Earth from the Sun in light seconds, ecliptic axes: an ellipse, to 1e-3 of it."""
    days = mjd - 51_544.5
    anomaly = np.radians(357.529 + 0.98560028 * days)
    longitude = np.radians(280.459 + 0.98564736 * days)
    longitude += np.radians(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    distance = 499.005 * (1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly))
    return -distance[:, None] * np.column_stack(
        [np.cos(longitude), np.sin(longitude), np.zeros(len(mjd))]
    )


def test_the_observatory_is_in_its_place_to_two_microseconds():
    """As with tables of the Earth's rotation, which take long to read."""
    mjd, _, _ = sky(100, seed=3)
    place = EarthLocation.from_geodetic(
        CTIO.longitude_degrees, CTIO.latitude_degrees, CTIO.height_m
    )
    with tables_offline():
        time = Time(mjd, format="mjd", scale="utc")
        expected = place.get_gcrs_posvel(time)[0].xyz.to_value("m").T
        found = _from_the_earth(time, CTIO) * constants.c.value
    off = np.linalg.norm(found - expected, axis=1)
    assert off.max() < 2e-6 * constants.c.value


@pytest.mark.parametrize("mjd", [55_197.0, 57_388.0, 59_580.5, 61_041.25])
def test_times_are_those_of_an_ellipse_to_the_sun_s_own_motion(mjd):
    """Independent of astropy: the Sun is 2.2 radii, 5.1 light seconds, off at most."""
    _, ra, dec = sky(50)
    tilt = np.radians(23.4393)
    earth = earth_by_kepler(np.array([mjd]))[0]
    earth = np.array([earth[0], earth[1] * np.cos(tilt), earth[1] * np.sin(tilt)])
    a, d = np.radians(ra), np.radians(dec)
    delay = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)]).T @ earth
    leap = 37 if mjd > 57_754 else 36 if mjd > 57_204 else 34
    found = (bjd_tdb(np.full(50, mjd), ra, dec, CTIO) - 2_400_000.5 - mjd) * SECONDS
    assert np.abs(found - delay - leap - 32.184).max() < 5.2


def test_the_sun_s_own_motion_is_in_them():
    """Jupiter draws the Sun 2.5 light seconds from the barycentre, and back in 12 years."""
    mjd = np.arange(52_000, 62_000, 365.25)
    earth = earth_by_kepler(mjd)[:, 0]  # towards the vernal equinox, where axes are the same
    leap = (Time(mjd, format="mjd").tai.mjd - mjd) * SECONDS + 32.184
    found = (bjd_tdb(mjd, 0.0, 0.0, CTIO) - 2_400_000.5 - mjd) * SECONDS - leap
    assert 3 < np.ptp(found - earth) < 10


def test_a_field_s_times_are_one_plane_wave():
    """Stars of a chip differ by seconds; of four at its corners, three tell that of the last."""
    ra, dec = np.array([150.0, 150.3, 150.0, 150.3]), np.array([2.0, 2.0, 2.15, 2.15])
    times = bjd_tdb(np.full(4, 58_000.0), ra, dec, CTIO) * SECONDS
    assert 0.5 < np.ptp(times) < 3
    assert times[1] + times[2] - times[0] - times[3] == pytest.approx(0, abs=2e-3)


def test_where_the_telescope_stands_is_worth_the_earth_s_radius():
    mjd, ra, dec = sky(100)
    north = ObservatoryOptions(longitude_degrees=20.0, latitude_degrees=60.0, height_m=0.0)
    off = (bjd_tdb(mjd, ra, dec, CTIO) - bjd_tdb(mjd, ra, dec, north)) * SECONDS
    assert 0.01 < np.abs(off).max() < 0.043


def test_what_is_not_known_has_no_time():
    times = bjd_tdb(np.array([np.nan, 58_000.0, 58_000.0]), [1.0, np.nan, 3.0], 4.0, CTIO)
    assert list(np.isfinite(times)) == [False, False, True]
    assert bjd_tdb(np.array([]), 1.0, 2.0, CTIO).shape == (0,)


def test_nothing_is_fetched_and_nothing_said_of_old_and_future_nights(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(bjd_tdb(np.array([20_000.0, 66_000.0]), 1.0, 2.0, CTIO)).all()
