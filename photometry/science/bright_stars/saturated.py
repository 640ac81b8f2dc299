"""Saturated stars, by the pixels that the mask says are saturated."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.chip import MaskBit
from exposures.science.arrays import IntArray


@dataclass(frozen=True)
class SaturatedStars:
    """Saturated stars, most saturated pixels first; (n,) pixels from 0."""

    x: np.ndarray
    y: np.ndarray
    radius: np.ndarray  # of a disk of as many pixels as are saturated

    def __len__(self) -> int:
        return len(self.x)


def saturated_stars(mask: IntArray, min_pixels: int, max_stars: int) -> SaturatedStars:
    """The SaturatedStars of ``mask`` (ny, nx), bits of MaskBit.

    They are groups of ``min_pixels`` or more that touch, at most ``max_stars``. Places are medians
    of their pixels, so that a trail along one axis does not move them along the other. A fit can't
    tell them: its flux of a star with many saturated pixels is wrong by factors, or it has none.
    """
    rows, columns = np.divmod(np.flatnonzero(mask & np.uint8(MaskBit.SATURATED)), mask.shape[1])
    groups = _touching(rows, columns, mask.shape[1])
    counts = np.bincount(groups)
    chosen = np.flatnonzero(counts >= max(min_pixels, 1))
    chosen = chosen[np.argsort(-counts[chosen], kind="stable")][:max_stars]
    x, y = (_medians(values, groups, chosen) for values in (columns, rows))
    return SaturatedStars(x, y, np.sqrt(counts[chosen] / np.pi))


def _touching(rows: IntArray, columns: IntArray, nx: int) -> IntArray:
    """(n,) numbers, from 0, of the groups that pixels (n,) form with those that touch them.

    Pixels are in the order of rows, of an image ``nx`` wide.
    """
    if len(rows) == 0:
        return np.zeros(0, int)
    # Two more columns, or the ends of rows would touch the beginnings of the next.
    place = rows * (nx + 2) + columns
    links = []
    for step in (1, nx + 1, nx + 2, nx + 3):
        other = np.searchsorted(place, place + step)
        touches = place[np.minimum(other, len(place) - 1)] == place + step
        links.append(np.array([np.flatnonzero(touches), other[touches]]))
    pairs = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(pairs.shape[1]), pairs), shape=(len(place), len(place)))
    groups: IntArray = connected_components(graph, directed=False)[1]
    return groups


def _medians(values: IntArray, groups: IntArray, chosen: IntArray) -> np.ndarray:
    if len(chosen) == 0:
        return np.zeros(0)
    return np.asarray(ndimage.median(values.astype("f8"), groups, chosen))
