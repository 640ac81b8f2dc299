"""Published stars near positions and on chips, moved by their motions."""

import numpy as np
import pytest

from exposures.published.definitions import known_definitions
from exposures.published.loading import load_catalogue
from exposures.published.stars import published_stars_near, published_stars_on, stars_within
from exposures.published.stored import execute
from exposures.science.footprints import contains, grown
from exposures.science.motion import moved, separation_degrees
from tests.builders.published_files import CENTRE, gaia_table, write_gaia

GAIA = known_definitions()["gaia_dr3"]


def square(ra, dec, width):
    """A footprint, ra, dec of four corners in turn, degrees."""
    half = width / 2
    wide = half / np.cos(np.radians(dec))
    corners = [(-wide, -half), (wide, -half), (wide, half), (-wide, half)]
    return [angle for east, north in corners for angle in (ra + east, dec + north)]


@pytest.fixture
def table():
    return gaia_table(2000, width=0.4)


@pytest.fixture
def catalogue(table, tmp_path, db):
    return load_catalogue(GAIA, [write_gaia(table, tmp_path / "gaia.fits")]).catalogue


def test_stars_near_a_position_are_all_and_nearest_first(catalogue, table):
    distance = separation_degrees(table["ra"], table["dec"], *CENTRE)
    near = list(published_stars_near(catalogue, *CENTRE, 120))
    expected = np.argsort(distance)[: (distance < 120 / 3600).sum()]
    assert len(near) > 10
    assert [star.name for star in near] == [str(i) for i in table["source_id"][expected]]
    np.testing.assert_allclose([s.distance for s in near], distance[expected], atol=1e-9)


def test_stars_on_a_chip_are_where_they_are_at_its_epoch(catalogue, table):
    footprint = square(*CENTRE, 0.15)
    stars = published_stars_on(catalogue, footprint, 2026.0, margin_arcsec=0.0)
    motions = (np.ma.filled(table[name], 0) for name in ("pmra", "pmdec"))
    ra, dec = moved(table["ra"], table["dec"], *motions, 10.0)
    inside = contains(footprint, ra, dec)
    assert 100 < inside.sum() < len(table)
    order = np.argsort(stars.ra)
    np.testing.assert_allclose(stars.ra[order], np.sort(ra[inside]), atol=2e-9)
    assert set(stars.epoch) == {2026.0}


def test_errors_grow_with_time_and_most_where_motions_are_not_known(catalogue):
    now = stars_within(catalogue, *CENTRE, 1.0)
    then = now.at(2026.0)
    is_known = np.isfinite(now.pmra)
    expected = np.hypot(now.ra_err, np.where(is_known, now.pmra_err, 5.0) * 10)
    np.testing.assert_allclose(then.ra_err, expected, rtol=1e-6)
    np.testing.assert_allclose(then.ra[~is_known], now.ra[~is_known], rtol=1e-14)


def test_what_rows_lack_is_the_catalogues(catalogue, table):
    with_defaults = stars_within(catalogue, *CENTRE, 1.0)
    assert len(with_defaults) == len(table) and with_defaults.mags.shape == (2000, 3)
    assert np.isnan(with_defaults.mags[:, 1]).sum() == 200
    assert np.isnan(with_defaults.period).all()
    catalogue.position_err, catalogue.epoch = 0.7, 1991.25
    execute(f"UPDATE {catalogue.partition} SET epoch = NULL, ra_err = NULL")
    stars = stars_within(catalogue, *CENTRE, 1.0)
    assert set(stars.epoch) == {1991.25}
    np.testing.assert_allclose(stars.ra_err, 700)


@pytest.mark.parametrize(
    ("footprint", "ra", "dec"),
    [
        (square(*CENTRE, 0.1), (264.8, 265.2), (-29.2, -28.8)),
        (square(0.0, 0.0, 0.1), (-0.2, 0.2), (-0.2, 0.2)),
        ([10, 89.8, 100, 89.8, 190, 89.8, 280, 89.8], (0, 360), (89.5, 89.99)),
    ],
)
def test_grown_footprints_hold_what_lies_within_the_margin(footprint, ra, dec):
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(*ra, 20_000), rng.uniform(*dec, 20_000)
    outline = grown(footprint, 0.01)
    inside = contains(footprint, ra, dec)
    assert 0 < inside.sum() < contains(outline, ra, dec).sum() < len(ra)
    # Whoever moves by less than the margin is still held.
    for north in (0.0099, -0.0099):
        assert contains(outline, ra[inside], dec[inside] + north).all()
