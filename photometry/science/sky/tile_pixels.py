"""Pixels of an image by tile, their percentiles and their histograms, in compiled code."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

SAMPLE = 499  # pixels, evenly from all of a tile, that tell about where percentiles are
AROUND = 0.12  # part of the sample on either side of percentiles within which they are looked for
FINE_BINS = 1024  # into which that is divided


@dataclass(frozen=True)
class TilePixels:
    """The usable pixels of an image by tile, one tile after the other."""

    values: np.ndarray  # (n_pixels,) float32 ADU
    starts: np.ndarray  # (n_tiles + 1,) where each tile's begin, and the end

    @classmethod
    def within(
        cls,
        data: FloatArray,
        usable: BoolArray,
        surface: FloatArray,
        edges: tuple[IntArray, IntArray],
    ) -> "TilePixels":
        """Pixels of ``data`` without what the ``surface`` varies inside tiles, (ny, nx) ADU.

        ``usable`` is (ny, nx) bool, ``edges`` are the tiles' along y and x, pixels.
        """
        # One kind of array is compiled, whatever an image is cut from.
        data, surface = (np.ascontiguousarray(part, np.float32) for part in (data, surface))
        # Made here: numpy takes large pages for an image, compiled code small ones.
        values = np.empty(data.size, np.float32)
        starts = _gathered(data, surface, np.ascontiguousarray(usable), edges, values)
        return cls(values[: starts[-1]], starts)

    @property
    def sizes(self) -> IntArray:
        """(n_tiles,) numbers of usable pixels."""
        return np.diff(self.starts)

    def percentiles(self, tile: int, lower: float, upper: float) -> tuple[float, float]:
        """The values (2,) in ADU below which two shares of a tile's pixels are, as numpy has them.

        The tile has to have pixels.
        """
        return _percentiles(self._of(tile), lower, upper)

    def first(self, tile: int) -> float:
        """The first pixel of a tile in ADU."""
        return float(self._of(tile)[0])

    def counts(self, tile: int, first: float, bin_width: float, n_bins: int) -> IntArray:
        """(n_bins,) pixels of a tile in bins from ``first`` on, both numbers in ADU."""
        return _counts(self._of(tile), first, bin_width, n_bins)

    def _of(self, tile: int) -> Any:
        return self.values[self.starts[tile] : self.starts[tile + 1]]


@compiled
def _gathered(
    data: FloatArray,
    surface: FloatArray,
    usable: BoolArray,
    edges: tuple[IntArray, IntArray],
    values: FloatArray,
) -> IntArray:
    """Fill the values of TilePixels; their starts."""
    y_edges, x_edges = edges
    n_y, n_x = len(y_edges) - 1, len(x_edges) - 1
    starts = np.zeros(n_y * n_x + 1, np.int64)
    end = 0
    for row in range(n_y):
        for column in range(n_x):
            left, right = x_edges[column], x_edges[column + 1]
            total = 0.0
            for j in range(y_edges[row], y_edges[row + 1]):
                for i in range(left, right):
                    total += surface[j, i]
            n_pixels = (y_edges[row + 1] - y_edges[row]) * (right - left)
            mean = np.float32(total / max(n_pixels, 1))
            for j in range(y_edges[row], y_edges[row + 1]):
                for i in range(left, right):
                    # Without a branch: a pixel that isn't usable is overwritten by the next.
                    values[min(end, values.size - 1)] = data[j, i] - (surface[j, i] - mean)
                    end += usable[j, i]
            starts[row * n_x + column + 1] = end
    return starts


@compiled
def _percentiles(values: FloatArray, lower: float, upper: float) -> tuple[float, float]:
    """Two percentiles of values (n,), by selection within the bins of a histogram."""
    places = np.array([lower, upper]) * (len(values) - 1)
    ranks = np.empty(4, np.int64)
    for k in range(2):
        ranks[2 * k] = int(places[k])
        ranks[2 * k + 1] = min(ranks[2 * k] + 1, len(values) - 1)
    sample = np.sort(values[:: max(1, len(values) // SAMPLE)])
    last = len(sample) - 1
    low = float(sample[max(0, int((lower - AROUND) * last))])
    high = float(sample[min(last, int((upper + AROUND) * last) + 1)])
    found = _ranked(values, ranks, low, high)
    shares = places - np.floor(places)
    return (
        found[0] + shares[0] * (found[1] - found[0]),
        found[2] + shares[1] * (found[3] - found[2]),
    )


@inlined
def _ranked(values: FloatArray, ranks: IntArray, low: float, high: float) -> FloatArray:
    """(k,) the values of some ranks, which should lie between ``low`` and ``high``."""
    per_bin = (FINE_BINS - 2) / (high - low) if high > low else 0.0
    bins = np.zeros(FINE_BINS, np.int64)
    for value in values:
        bins[_bin_of(value, low, per_bin)] += 1
    ends = np.cumsum(bins)
    wanted = np.zeros(FINE_BINS, np.bool_)
    for rank in ranks:
        wanted[np.searchsorted(ends, rank, side="right")] = True
    if wanted[0] or wanted[-1]:  # the sample was misleading
        return np.sort(values)[ranks].astype(np.float64)
    chosen, n_chosen = np.empty(bins[wanted].sum(), np.float32), 0
    for value in values:
        if wanted[_bin_of(value, low, per_bin)]:
            chosen[n_chosen] = value
            n_chosen += 1
    chosen.sort()
    found, before = np.empty(len(ranks)), 0
    for k in range(len(ranks)):
        own = np.searchsorted(ends, ranks[k], side="right")
        before = bins[:own][wanted[:own]].sum()
        found[k] = chosen[before + ranks[k] - ends[own - 1]]
    return found


@inlined
def _bin_of(value: float, low: float, per_bin: float) -> int:
    """The bin of a value; what lies outside of the interval is in the first and the last."""
    return int(min(max((value - low) * per_bin + 1, 0.0), FINE_BINS - 1.0))


@compiled
def _counts(values: FloatArray, first: float, bin_width: float, n_bins: int) -> IntArray:
    """(n_bins,) numbers of values in bins from ``first`` on."""
    counts = np.zeros(n_bins, np.int64)
    for value in values:
        place = np.floor((value - first) / bin_width)
        if 0 <= place < n_bins:
            counts[int(place)] += 1
    return counts


def sum_of_splines(weights: FloatArray, splines: FloatArray, n_at_once: int) -> FloatArray:
    """(ny, nx) float32 sums of ``weights`` (ny, k) in ADU times ``splines`` (nx, k) without unit.

    No more than ``n_at_once`` neighbouring splines differ from 0 at a place, as B-splines do.
    """
    first = np.minimum(np.argmax(splines != 0, axis=1), splines.shape[1] - n_at_once)
    own = np.take_along_axis(splines, first[:, None] + np.arange(n_at_once), axis=1)
    total = np.zeros((len(weights), len(splines)), np.float32)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(first)) + 1, [len(first)]])
    _summed(weights.astype(np.float32), own.T.astype(np.float32), first, edges, total)
    return total


@compiled
def _summed(
    weights: FloatArray,
    splines: FloatArray,
    first: IntArray,
    edges: IntArray,
    total: FloatArray,
) -> None:
    """As ``sum_of_splines``, of splines (n_at_once, nx) from the ``first`` (nx,) on.

    Which is the same between two of the ``edges``.
    """
    for j in range(len(total)):
        for part in range(len(edges) - 1):
            row = total[j, edges[part] : edges[part + 1]]
            for k in range(len(splines)):
                weight = weights[j, first[edges[part]] + k]
                own = splines[k, edges[part] : edges[part + 1]]
                for i in range(len(row)):
                    row[i] += weight * own[i]
