"""Inheritance of object ids, and replacements of sources, when catalogues are remade."""

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray

N_NEIGHBOURS = 4  # looked at of each source; no catalogue has more within a match radius


def inherited(label: IntArray, n_groups: int, before: IntArray) -> np.ndarray:
    """(n_groups,) the object that each group of sources inherits, or -1.

    ``label`` (n,) is the group of each source, ``before`` (n,) the object that it had, a number
    from 0 that stands for its id, or -1. A group takes the object that most of its sources had,
    and an object goes to the group with most of those that had it: so each is given once.
    """
    had = np.flatnonzero(before >= 0)
    n_objects = before.max(initial=-1) + 1
    pairs, counts = np.unique(label[had] * np.int64(n_objects) + before[had], return_counts=True)
    group, number = np.divmod(pairs, max(n_objects, 1))
    objects = np.full(n_groups, -1)
    # Most have one object, which no other group has.
    alone = np.bincount(group, minlength=n_groups)[group] == 1
    alone &= np.bincount(number, minlength=n_objects)[number] == 1
    objects[group[alone]] = number[alone]
    group, number, counts = group[~alone], number[~alone], counts[~alone]
    order = np.lexsort((group, number, -counts))
    group, number = group[order], number[order]
    given = _first_rows(group, len(group)) & _first_rows(number, len(number))
    objects[group[given]] = number[given]
    return objects


def _first_rows(values: IntArray, n: int) -> BoolArray:
    first = np.zeros(n, bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


def source_replacements(
    old: FloatArray,
    old_catalogue: IntArray,
    new: FloatArray,
    new_catalogue: IntArray,
    new_label: IntArray,
    radius: float,
) -> tuple[IntArray, IntArray]:
    """Indices (old, new) of sources and of those that replace them.

    ``old`` and ``new`` are unit vectors (n, 3), ``radius`` is in radians. An old source
    is replaced by the nearest new one where no other can be meant: no source of another object,
    and no second one of the same catalogue, lies within the radius, and no other source of the old
    catalogue is nearer to the new one.
    """
    empty = np.zeros(0, int), np.zeros(0, int)
    if len(old) == 0 or len(new) == 0:
        return empty
    distance, index = cKDTree(new).query(old, k=N_NEIGHBOURS, distance_upper_bound=radius)
    there = np.isfinite(distance)
    index = np.where(there, index, 0)
    nearest = index[:, :1]
    other = (new_label[index] != new_label[nearest]) | (
        new_catalogue[index] == new_catalogue[nearest]
    )
    other[:, 0] = False
    replaced = np.flatnonzero(there[:, 0] & ~(other & there).any(axis=1))
    replaced = replaced[np.argsort(distance[replaced, 0], kind="stable")]
    claims = np.column_stack([old_catalogue[replaced], nearest[replaced, 0]])
    _, first = np.unique(claims, axis=0, return_index=True)
    replaced = np.sort(replaced[first])
    return replaced, nearest[replaced, 0]
