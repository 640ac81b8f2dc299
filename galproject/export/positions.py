"""The sources of reference catalogues in use with their positions, as an export takes them."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from exposures.science.arrays import FloatArray, IntArray
from exposures.science.healpix_tiles import Tile, Tiling, coarser, finest_cells, in_other_tiles
from photometry.models import GalReference
from photometry.storage.statements import fetch_rows
from variables.models import GalNewSource

POSITION_DTYPE = np.dtype([("refsource_id", "i8"), ("ra", "f8"), ("dec", "f8")])
POSITIONS = f"""
SELECT refsource_id, ra, dec FROM {{partition}} WHERE is_reference
UNION ALL
SELECT n.refsource_id, n.ra, n.dec FROM {GalNewSource._meta.db_table} n
WHERE n.catalogue_id = {{catalogue}} AND n.state <> 'added'
    AND EXISTS (SELECT FROM {{partition}} s WHERE s.refsource_id = n.refsource_id)
"""
N_IMAGES = """
SELECT catalogue_id, count(*) FROM galcoverages WHERE catalogue_id = ANY(%s) GROUP BY catalogue_id
"""
MOST_KEPT = 4_000_000  # sources whose positions are in memory, 32 bytes each


@dataclass(frozen=True)
class Positions:
    """The sources of a catalogue; arrays (n,), in order of their ids."""

    refsource_id: IntArray
    ra: FloatArray  # ICRS degrees
    dec: FloatArray  # ICRS degrees
    cell: IntArray  # HEALPix, order 29, nested

    @classmethod
    def of(cls, catalogue: GalReference) -> "Positions":
        """Those of the reference image and those that are new."""
        query = POSITIONS.format(partition=catalogue.partition, catalogue=catalogue.pk)
        rows = copy_out(query, POSITION_DTYPE)
        rows = rows[np.argsort(rows["refsource_id"], kind="stable")]
        cell = finest_cells(rows["ra"], rows["dec"])
        return cls(rows["refsource_id"], rows["ra"], rows["dec"], cell)

    def __len__(self) -> int:
        return len(self.refsource_id)

    def at(self, chosen: IntArray) -> "Positions":
        """Those at some places (m,)."""
        columns = (self.refsource_id, self.ra, self.dec, self.cell)
        return Positions(*(column[chosen] for column in columns))

    def in_tile(self, tile: Tile) -> "Positions":
        """Those within a tile."""
        first, end = tile.cells
        return self.at(np.flatnonzero((self.cell >= first) & (self.cell < end)))


class KnownPositions:
    """Positions by catalogue, of which those read last stay in memory, and their margins."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Positions] = OrderedDict()
        self._margins: dict[int, tuple[IntArray, IntArray]] = {}

    def of(self, catalogue: GalReference) -> Positions:
        """The positions of a catalogue's sources as they were when they were read."""
        if catalogue.pk not in self._kept:
            self._kept[catalogue.pk] = Positions.of(catalogue)
        self._kept.move_to_end(catalogue.pk)
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > MOST_KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._margins.pop(gone, None)
        return self._kept[catalogue.pk]

    def margin_of(
        self, catalogue: GalReference, tiling: Tiling, margin_arcsec: float
    ) -> tuple[IntArray, IntArray]:
        """Places of a catalogue's sources, and of tiles within whose margin they are.

        As ``in_other_tiles``, by the same tiling and margin each time.
        """
        if not margin_arcsec:
            return np.zeros(0, int), np.zeros(0, int)
        at = self.of(catalogue)
        if catalogue.pk not in self._margins:
            found = in_other_tiles(at.ra, at.dec, at.cell, tiling, margin_arcsec)
            self._margins[catalogue.pk] = found
        return self._margins[catalogue.pk]


@dataclass(frozen=True)
class CatalogueCells:
    """How many sources of a catalogue are in each pixel of an order; arrays (n,)."""

    pixel: IntArray
    n_sources: IntArray

    @classmethod
    def of(cls, positions: Positions, order: int) -> "CatalogueCells":
        """Those of Positions."""
        return cls(*np.unique(coarser(positions.cell, order), return_counts=True))


def images_by_catalogue(catalogues: list[GalReference]) -> dict[int, int]:
    """{catalogue: number of images on which its sources were measured, the reference's too}."""
    found = dict(fetch_rows(N_IMAGES, [one.pk for one in catalogues]))
    return {one.pk: 1 + found.get(one.pk, 0) for one in catalogues}


@dataclass(frozen=True)
class TileMembers:
    """Which catalogues have sources in each tile, and within a margin of it; {tile: ids}."""

    within: dict[Tile, list[int]]
    in_margin: dict[Tile, list[int]]


def members_of_tiles(
    catalogues: list[GalReference], known: KnownPositions, tiling: Tiling, margin_arcsec: float
) -> TileMembers:
    """The TileMembers of all tiles, from the positions of all sources, catalogue by catalogue."""
    members = TileMembers({tile: [] for tile in tiling.tiles}, {tile: [] for tile in tiling.tiles})
    for catalogue in catalogues:
        positions = known.of(catalogue)
        own = np.unique(tiling.index_of(positions.cell))
        for place in own[own >= 0].tolist():
            members.within[tiling.tiles[place]].append(catalogue.pk)
        _, margins = known.margin_of(catalogue, tiling, margin_arcsec)
        for place in np.unique(margins).tolist():
            members.in_margin[tiling.tiles[place]].append(catalogue.pk)
    return members
