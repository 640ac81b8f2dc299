"""Statistics of stars in bins of 16 bits, and the density of stars in the plane of two of them."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray

N_BINS = 65_535
UNKNOWN = N_BINS  # of a star without the statistic


@dataclass(frozen=True)
class Scale:
    """The values between which a statistic is binned, in its unit; beyond counts as the end."""

    low: float
    high: float

    @property
    def step(self) -> float:
        """The width of a bin, in the unit of the statistic."""
        return (self.high - self.low) / N_BINS

    def bins(self, values: FloatArray) -> IntArray:
        """(n,) uint16 bins of ``values`` (n,) in the unit of the statistic; UNKNOWN for NaN."""
        with np.errstate(invalid="ignore"):
            bins = np.clip(np.floor((values - self.low) / self.step), 0, N_BINS - 1)
        return np.where(np.isnan(values), UNKNOWN, bins).astype(np.uint16)

    def values(self, bins: IntArray) -> FloatArray:
        """(n,) the middles of ``bins`` (n,) in the unit of the statistic; NaN for UNKNOWN."""
        return np.where(bins == UNKNOWN, np.nan, self.low + (bins + 0.5) * self.step)

    def edge(self, value: float) -> int:
        """The bin that begins at a value, or nearest to it: from 0 to N_BINS."""
        return int(np.clip(round((value - self.low) / self.step), 0, N_BINS))


class Density:
    """Counts of stars in cells of a window of a plane, summed over catalogues."""

    def __init__(self, x: "Window", y: "Window"):
        self._x, self._y = x.cell_of_bin(), y.cell_of_bin() * (x.n_cells + 1)
        self._shape = y.n_cells + 1, x.n_cells + 1
        self._counts = np.zeros(self._shape[0] * self._shape[1], np.int64)

    def add(self, x_bins: IntArray, y_bins: IntArray) -> None:
        """Count stars by their uint16 bins (n,) of both statistics."""
        cells = self._x[x_bins] + self._y[y_bins]
        self._counts += np.bincount(cells, minlength=len(self._counts))

    @property
    def counts(self) -> IntArray:
        """(ny, nx) stars in each cell of the window, from its lower left."""
        return self._counts.reshape(self._shape)[:-1, :-1]


@dataclass(frozen=True)
class Window:
    """Bins ``first`` to ``end``, without that, of one axis, in ``n_cells`` cells."""

    first: int
    end: int
    n_cells: int

    def cell_of_bin(self) -> IntArray:
        """(N_BINS + 1,) the cell of each bin; ``n_cells`` for those beyond, and for UNKNOWN."""
        bins = np.arange(N_BINS + 1)
        cells = (bins - self.first) * self.n_cells // (self.end - self.first)
        inside = (bins >= self.first) & (bins < self.end) & (bins != UNKNOWN)
        return np.where(inside, cells, self.n_cells)

    def holds(self, bins: IntArray) -> BoolArray:
        """(n,) whether uint16 ``bins`` (n,) are in it."""
        return (bins >= self.first) & (bins < self.end)


def window_of_most(counts: IntArray, beyond: float, n_cells: int) -> Window:
    """The window that holds all stars but a share ``beyond`` at either end, and some room.

    ``counts`` (N_BINS,) are the stars in each bin of an axis; without any, all bins are taken. Bins
    at either end of the scale, which hold what is beyond it, widen no window. A window is never
    narrower than a bin a cell.
    """
    within = counts.copy()
    within[[0, -1]] = 0
    total = np.cumsum(within)
    if total[-1] == 0:
        return Window(0, N_BINS, n_cells)
    low, high = np.searchsorted(total, [beyond * total[-1], (1 - beyond) * total[-1]])
    room = max((high - low) // 20, (n_cells - (high - low)) // 2 + 1)
    first = min(max(int(low - room), 0), N_BINS - n_cells)
    return Window(first, min(max(int(high + room), first + n_cells), N_BINS), n_cells)


def inside_polygon(x: FloatArray, y: FloatArray, corners: FloatArray) -> BoolArray:
    """(n,) whether points ``x, y`` (n,) lie in a polygon of ``corners`` (k, 2), all in one unit.

    By the number of edges that a line from the point crosses; where the polygon crosses itself,
    what it goes round twice is outside (Shimrat 1962, CACM 5, 434). NaN is outside.
    """
    inside = np.zeros(len(x), bool)
    with np.errstate(invalid="ignore"):
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y1 == y2:
                continue
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside
