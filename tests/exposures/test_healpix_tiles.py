"""Tiles of the sky: bounded, without gaps, and their margins complete."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from exposures.science.healpix_tiles import (
    Tile,
    Tiling,
    bounded_tiles,
    coarser,
    finest_cells,
    in_other_tiles,
)


def sky_near(ra, dec, n=20_000, side=0.2, seed=1):
    rng = np.random.default_rng(seed)
    places = SkyCoord(ra * u.deg, dec * u.deg).spherical_offsets_by(
        *(rng.uniform(-side, side, (2, n)) * u.deg)
    )
    return places.ra.deg, places.dec.deg


def test_tiles_hold_all_positions_and_no_more_than_the_limit():
    cells = finest_cells(*sky_near(266, -29))
    pixels, counts = np.unique(coarser(cells, 12), return_counts=True)
    tiling = bounded_tiles(pixels, counts, 12, 1000)
    own = tiling.index_of(cells)
    assert own.min() == 0
    assert np.bincount(own).max() <= 1000
    # Their parents would hold more.
    for tile in tiling.tiles:
        parent = Tile(tile.order - 1, tile.pixel >> 2)
        assert np.sum(Tiling.of([parent]).index_of(cells) == 0) > 1000


def test_tiles_stay_until_they_hold_twice_as_much():
    cells = finest_cells(*sky_near(266, -29))
    pixels, counts = np.unique(coarser(cells, 12), return_counts=True)
    first = bounded_tiles(pixels, counts, 12, 1000)
    more = bounded_tiles(pixels, 1.9 * counts, 12, 1000, first.tiles)
    assert more == first
    many = bounded_tiles(pixels, 4 * counts, 12, 1000, first.tiles)
    assert len(many.tiles) > len(first.tiles)


def test_nothing_has_no_tiles():
    tiling = bounded_tiles(np.zeros(0, int), np.zeros(0), 12, 10)
    assert tiling.tiles == ()
    assert tiling.index_of(np.array([5])).tolist() == [-1]


@pytest.mark.parametrize(("ra", "dec"), [(266, -29), (0, 41.81), (10, 89.9), (45, -66)])
def test_margins_have_all_within_the_radius_and_none_far_beyond(ra, dec):
    ra, dec = sky_near(ra, dec, n=6_000, side=0.12)
    cells, radius = finest_cells(ra, dec), 20.0
    tiling = Tiling.of(Tile(9, int(pixel)) for pixel in np.unique(coarser(cells, 9)))
    found = set(
        zip(*map(np.ndarray.tolist, in_other_tiles(ra, dec, cells, tiling, radius)), strict=True)
    )
    places, own = SkyCoord(ra, dec, unit="deg"), tiling.index_of(cells)
    for number, tile in enumerate(tiling.tiles):
        edge = HEALPix(2**tile.order, "nested").boundaries_lonlat([tile.pixel], 1000)
        distance = places.match_to_catalog_sky(SkyCoord(*(a.ravel() for a in edge)))[1].arcsec
        own_margin = {source for source, other in found if other == number}
        assert set(np.flatnonzero((own != number) & (distance < radius))) <= own_margin
        assert not own_margin & set(np.flatnonzero((own == number) | (distance > 1.32 * radius)))
