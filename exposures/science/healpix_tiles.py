"""The sky cut into HEALPix tiles of bounded contents, nested, and what lies near their borders."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

from exposures.science.angles import to_sky
from exposures.science.arrays import BoolArray, FloatArray, IntArray

FINEST = 29  # order of the cells that tell a position
CELL_ARCSEC = np.degrees(np.sqrt(4 * np.pi / 12)) / 2**FINEST * 3600  # side of a square as large
# By how much a cell can be narrower than that square, where cells of the polar caps are sheared.
NARROWER = 4.0
# The circle round a position that is looked for in other tiles: so much larger than the radius, and
# of so many points, that one of them is in a tile of which only a corner is within the radius.
WIDER, POINTS = 1.3, 48


class Tile(NamedTuple):
    """A HEALPix pixel of some order, nested."""

    order: int
    pixel: int

    @property
    def cells(self) -> tuple[int, int]:
        """The first cell of order 29 in it, and the first after it: numbers without a unit."""
        bits = 2 * (FINEST - self.order)
        return self.pixel << bits, (self.pixel + 1) << bits


def finest_cells(ra: FloatArray, dec: FloatArray) -> IntArray:
    """(n,) numbers of the cells of order 29, nested, at positions (n,) in ICRS degrees."""
    grid = HEALPix(nside=2**FINEST, order="nested")
    cells: IntArray = grid.lonlat_to_healpix(np.asarray(ra) * u.deg, np.asarray(dec) * u.deg)
    return cells.astype("i8")


def coarser(cells: IntArray, order: int) -> IntArray:
    """(n,) pixels of an order in which cells (n,) of order 29 lie."""
    return cells >> 2 * (FINEST - order)


@dataclass(frozen=True)
class Tiling:
    """Tiles that don't overlap, in order of their cells."""

    tiles: tuple[Tile, ...]

    @classmethod
    def of(cls, tiles: Iterable[Tile]) -> "Tiling":
        """Those of some tiles."""
        return cls(tuple(sorted(tiles, key=lambda tile: tile.cells)))

    def index_of(self, cells: IntArray) -> IntArray:
        """(n,) the place among the tiles of that in which cells (n,) of order 29 lie; -1: none."""
        if not self.tiles:
            return np.full(len(cells), -1)
        first, end = np.array([tile.cells for tile in self.tiles], "i8").T
        place = np.searchsorted(first, cells, side="right") - 1
        return np.where((place >= 0) & (cells < end[place]), place, -1)


def bounded_tiles(
    pixels: IntArray, weights: FloatArray, order: int, limit: float, kept: Iterable[Tile] = ()
) -> Tiling:
    """The fewest tiles that hold pixels (n,) of an ``order``, each with no more than ``limit``.

    ``weights`` (n,) are what a pixel has, in the unit of the limit. One pixel of the order may have
    more, as it is not divided. Tiles that are ``kept`` stay until they have twice as much, so that
    what was written of them stays in its place.
    """
    kept = set(kept)
    divided = {Tile(o, t.pixel >> 2 * (t.order - o)) for t in kept for o in range(t.order)}
    tiles, pixels, weights = [], np.asarray(pixels, "i8"), np.asarray(weights, "f8")
    for o in range(order + 1):
        found, inverse = np.unique(pixels >> 2 * (order - o), return_inverse=True)
        sums = np.bincount(inverse, weights, len(found)) if len(found) else np.zeros(0)
        is_tile = np.array(
            [
                o == order
                or (Tile(o, int(pixel)) in kept and total <= 2 * limit)
                or (Tile(o, int(pixel)) not in divided and total <= limit)
                for pixel, total in zip(found, sums, strict=True)
            ],
            bool,
        )
        tiles += [Tile(o, int(pixel)) for pixel in found[is_tile]]
        left = ~is_tile[inverse] if len(found) else np.zeros(0, bool)
        pixels, weights = pixels[left], weights[left]
    return Tiling.of(tiles)


def in_other_tiles(
    ra: FloatArray, dec: FloatArray, cells: IntArray, tiling: Tiling, radius_arcsec: float
) -> tuple[IntArray, IntArray]:
    """Which positions (n,) in degrees lie within a radius of tiles that they are not in.

    Two arrays (m,): the place of a position, and of a tile; ``cells`` (n,) are those of order 29.
    All within the radius are found, and none beyond WIDER times it. The radius is to be less than
    the tiles are wide.
    """
    own = tiling.index_of(cells)
    near = np.flatnonzero(_at_border(cells, own, tiling, WIDER * radius_arcsec))
    pairs = [np.zeros((0, 2), "i8")]
    for points in _circle(ra[near], dec[near], WIDER * radius_arcsec):
        other = tiling.index_of(finest_cells(*points))
        is_other = (other >= 0) & (other != own[near])
        pairs.append(np.column_stack([near[is_other], other[is_other]]))
    position, tile = np.unique(np.concatenate(pairs), axis=0).T
    return position, tile


def _at_border(cells: IntArray, own: IntArray, tiling: Tiling, radius_arcsec: float) -> BoolArray:
    """(n,) whether a cell may be within a radius of its tile's border; so is one without a tile."""
    orders = np.array([tile.order for tile in tiling.tiles] or [FINEST])
    side = np.left_shift(1, FINEST - orders[own]).astype("i8")
    reach = int(np.ceil(NARROWER * radius_arcsec / CELL_ARCSEC)) + 1
    is_near = own < 0
    for shift in (0, 1):
        along = _every_other_bit(cells >> shift) & (side - 1)
        is_near |= (along < reach) | (along >= side - reach)
    return is_near


def _every_other_bit(cells: IntArray) -> IntArray:
    """(n,) the even bits of numbers side by side: a coordinate of a nested cell."""
    x = cells & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        x = (x | (x >> shift)) & mask
    return x


def _circle(
    ra: FloatArray, dec: FloatArray, radius_arcsec: float
) -> Iterable[tuple[FloatArray, FloatArray]]:
    """Positions in degrees at a radius from others (n,), a pair of arrays for each of POINTS."""
    a, d = np.radians(ra), np.radians(dec)
    centre = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)
    east = np.stack([-np.sin(a), np.cos(a), np.zeros_like(a)], axis=-1)
    north = np.cross(centre, east)
    tangent = np.tan(np.radians(radius_arcsec / 3600))
    for angle in 2 * np.pi * np.arange(POINTS) / POINTS:
        yield to_sky(centre + tangent * (np.cos(angle) * east + np.sin(angle) * north))
