"""The peaks of a periodogram that has more frequencies than a picture has columns."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from variables.science.periodicity.frequencies import FrequencyGrid


@dataclass(frozen=True)
class Highest:
    """The highest power in each bin of frequencies; arrays (n,), by frequency."""

    frequency: np.ndarray  # cycles a day
    power: np.ndarray  # share of the variance, 0 to 1


def highest_in_bins(grid: FrequencyGrid, power: FloatArray, n_bins: int) -> Highest:
    """The Highest of (n_frequencies,) powers in so many bins, equally wide in log frequency.

    ``grid`` is their FrequencyGrid, in cycles a day. Bins without a frequency are left out, so that
    no frequency is there twice; no peak is lost, as each is the highest of its bin or beside one
    that is higher. Where the highest is a maximum it is that of the parabola through it and its
    neighbours.
    """
    log = np.log(grid.frequency)
    width = (log[-1] - log[0]) / n_bins if len(log) > 1 else 1.0
    starts = np.flatnonzero(np.diff(((log - log[0]) / width).astype(int), prepend=-1))
    places = _places_of_highest(power, starts)
    return _at_tops(grid, power.astype(float), places)


def _places_of_highest(power: FloatArray, starts: IntArray) -> IntArray:
    """(n,) indices of the highest power from each of ``starts`` to the next."""
    highest = np.maximum.reduceat(power, starts)
    sizes = np.diff(starts, append=len(power))
    places = np.flatnonzero(power == np.repeat(highest, sizes))
    _, first = np.unique(np.searchsorted(starts, places, side="right"), return_index=True)
    return places[first]


def _at_tops(grid: FrequencyGrid, power: FloatArray, places: IntArray) -> Highest:
    """The Highest at indices, moved to the tops of parabolas where these are maxima."""
    beside = np.clip(places - 1, 0, None), np.clip(places + 1, None, len(power) - 1)
    before, at, after = power[beside[0]], power[places], power[beside[1]]
    is_inner = (places > 0) & (places < len(power) - 1)
    is_maximum = is_inner & (at >= before) & (at >= after) & (2 * at > before + after)
    curvature = np.where(is_maximum, 2 * at - before - after, np.inf)
    offset = (after - before) / (2 * curvature)  # 0 where it is no maximum
    top = at + offset * (after - before) / 4
    return Highest(grid.step * (grid.first + places + offset), top)
