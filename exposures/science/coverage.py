"""The sky that a catalogue of stars covers, and how deep, measured from its stars.

Cells are those of HEALPix (Gorski et al. 2005, ApJ 622, 759), nested, ICRS: each of an order holds
four of the next, 12 x 4^order on the sky.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

from exposures.science.arrays import BoolArray, FloatArray, IntArray

FINEST, COARSEST = 12, 6  # orders: cells of 0.9 arcmin and of 0.9 degrees
STARS_A_CELL = 30  # of the median: of so many a cell that is covered has some
DEPTH_STEPS = 2  # orders coarser are the cells whose stars tell the depth
FEWEST_FOR_DEPTH = 50  # stars
WHOLE = 0.75  # of its neighbours' stars a cell at the edge has to have
BRIGHTEST, BIN_MAG, N_BINS = -2.0, 0.25, 136  # of magnitudes, up to 32
MOST_CELLS = 4_000_000  # 64 MB


@dataclass(frozen=True)
class Coverage:
    """The cells that a catalogue covers."""

    order: int
    cells: IntArray  # (n,) nested, ascending
    depth: FloatArray  # (n,) mag where the counts fall; NaN where too few stars tell
    n_stars: IntArray  # (n,) in each cell


@dataclass
class SparseCounts:
    """How often whole numbers came, few of those that there may be."""

    keys: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,) ascending
    counts: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,)

    def add(self, keys: IntArray) -> None:
        """Count some numbers (n,), without a unit."""
        keys, counts = np.unique(keys, return_counts=True)
        keys, counts = np.append(self.keys, keys), np.append(self.counts, counts)
        self.keys, self.counts = _summed(keys, counts)


@dataclass
class StarCounts:
    """Counts of stars by cell, and by coarser cell and magnitude, added up a part at a time."""

    order: int = FINEST
    by_cell: SparseCounts = field(default_factory=SparseCounts)
    by_mag: SparseCounts = field(default_factory=SparseCounts)  # coarser cell * N_BINS + bin

    def add(self, ra: FloatArray, dec: FloatArray, mag: FloatArray) -> None:
        """Count stars (n,) at positions in degrees, with mag NaN where unknown."""
        cells = cells_of(ra, dec, self.order)
        self.by_cell.add(cells)
        known = np.isfinite(mag)
        bins = np.clip(np.floor((mag[known] - BRIGHTEST) / BIN_MAG), 0, N_BINS - 1).astype(np.int64)
        self.by_mag.add((cells[known] >> 2 * DEPTH_STEPS) * N_BINS + bins)
        # A catalogue of all the sky has more of the finest cells than memory.
        while len(self.by_cell.keys) > MOST_CELLS and self.order > COARSEST:
            self._coarsen()

    def _coarsen(self) -> None:
        self.order -= 1
        self.by_cell = SparseCounts(*_summed(self.by_cell.keys >> 2, self.by_cell.counts))
        cells, bins = np.divmod(self.by_mag.keys, N_BINS)
        self.by_mag = SparseCounts(*_summed((cells >> 2) * N_BINS + bins, self.by_mag.counts))

    def coverage(self) -> Coverage:
        """The Coverage that these counts show.

        Its cells are the finest whose median has 30 stars, so that a cell without any is not
        covered. A cell at the edge that has far fewer than its neighbours is covered in part, and
        left out. Where cells of a degree have fewer than 30 nothing can be told: there are none.
        """
        order = self.order
        while True:
            steps = 2 * (self.order - order)
            covered, n_stars = _summed(self.by_cell.keys >> steps, self.by_cell.counts)
            if len(covered) == 0 or np.median(n_stars) >= STARS_A_CELL:
                break
            if order == COARSEST:
                covered, n_stars = covered[:0], n_stars[:0]
                break
            order -= 1
        is_whole = _are_whole(covered, n_stars, order)
        covered, n_stars = covered[is_whole], n_stars[is_whole]
        return Coverage(order, covered, self._depths(covered, order), n_stars)

    def _depths(self, covered: IntArray, order: int) -> FloatArray:
        """(n,) mag of the fullest bin in the coarser cell of each of the ``covered``."""
        cells, bins = np.divmod(self.by_mag.keys, N_BINS)
        names, place = np.unique(cells >> 2 * (self.order - order), return_inverse=True)
        depths = np.full(len(names) + 1, np.nan)  # the last is of cells without magnitudes
        starts = np.append(np.flatnonzero(np.diff(place, prepend=-1)), len(place))
        for k, (start, stop) in enumerate(pairwise(starts)):
            counts = self.by_mag.counts[start:stop]
            depths[k] = _depth(np.bincount(bins[start:stop], counts, N_BINS))
        own = covered >> 2 * DEPTH_STEPS
        found = np.searchsorted(names, own)
        is_there = np.append(names, -1)[found] == own
        return depths[np.where(is_there, found, len(names))]


def cells_of(ra: FloatArray, dec: FloatArray, order: int) -> IntArray:
    """(n,) ids of the nested cells of an order that positions (n,), degrees, lie in."""
    cells = HEALPix(2**order, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    return np.asarray(cells, np.int64)


def in_box(ra: FloatArray, dec: FloatArray, box: tuple[float, float, float, float]) -> BoolArray:
    """(n,) whether positions (n,) lie in a box of ra_min, ra_max, dec_min, dec_max; all degrees.

    It may reach across right ascension 0: then ra_min is the larger.
    """
    ra_min, ra_max, dec_min, dec_max = box
    is_within = (ra - ra_min) % 360 <= (ra_max - ra_min) % 360
    is_round = ra_max - ra_min >= 360
    return (is_within | is_round) & (dec >= dec_min) & (dec <= dec_max)


def in_ranges(cells: IntArray, ranges: IntArray) -> BoolArray:
    """(n,) whether ids of cells lie in ranges (k, 2), from first to before last, ascending."""
    if len(ranges) == 0:
        return np.zeros(len(cells), bool)
    k = np.searchsorted(ranges[:, 0], cells, side="right") - 1
    return (k >= 0) & (cells < ranges[np.maximum(k, 0), 1])


def moc_ranges(uniq: IntArray, order: int) -> IntArray:
    """(k, 2) ranges of ids of an order from the NUNIQ ids (n,) of a MOC (IVOA MOC 1.1, 2.3.1).

    Cells that are finer than the order are taken for the cells that they lie in.
    """
    own = np.floor(np.log2(uniq // 4) / 2).astype(np.int64)
    cells = uniq - 4 * 4**own
    finer, coarser = np.maximum(own - order, 0), np.maximum(order - own, 0)
    first = (cells >> 2 * finer) << 2 * coarser
    return joined_ranges(np.column_stack([first, first + (1 << 2 * coarser)]))


def joined_ranges(ranges: IntArray) -> IntArray:
    """(k, 2) ranges of ids in ascending order, those that touch (n, 2) joined."""
    if len(ranges) == 0:
        return np.zeros((0, 2), np.int64)
    ranges = ranges[np.argsort(ranges[:, 0])]
    last = np.maximum.accumulate(ranges[:, 1])
    is_new = np.append(True, ranges[1:, 0] > last[:-1])
    ends = last[np.append(np.flatnonzero(is_new)[1:] - 1, len(last) - 1)]
    return np.column_stack([ranges[is_new, 0], ends])


def _summed(cells: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    names, place = np.unique(cells, return_inverse=True)
    return names, np.bincount(place, counts, len(names)).astype(np.int64)


def _are_whole(cells: IntArray, n_stars: IntArray, order: int) -> BoolArray:
    """(n,) whether cells have neighbours all round, or as many stars as those that they have."""
    if len(cells) == 0:
        return np.zeros(0, bool)
    # At eight places of the sky a cell has seven neighbours, the eighth is negative.
    with np.errstate(invalid="ignore"):
        neighbours = np.asarray(HEALPix(2**order, order="nested").neighbours(cells))  # (8, n)
    found = np.minimum(np.searchsorted(cells, neighbours), len(cells) - 1)
    is_there = cells[found] == neighbours
    around = np.where(is_there, n_stars[found], np.nan)
    is_inside = np.all(is_there | (neighbours < 0), axis=0)
    is_alone = ~is_there.any(axis=0)
    around[0, is_alone] = 0
    return is_inside | (n_stars >= WHOLE * np.nanmedian(around, axis=0))


def _depth(histogram: FloatArray | IntArray) -> float:
    """Magnitude in the middle of the fullest bin; NaN for too few stars."""
    if histogram.sum() < FEWEST_FOR_DEPTH:
        return np.nan
    smooth = np.convolve(histogram, np.ones(3), mode="same")
    return float(BRIGHTEST + BIN_MAG * (np.argmax(smooth) + 0.5))
