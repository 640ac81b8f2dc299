"""Parts of the examples, so that a model is judged by what it has seen nothing alike of."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exposures.science.arrays import FloatArray, IntArray

LEAST_A_PART = 3  # groups, below which parts are too unlike


def groups_linked(keys: Sequence[IntArray]) -> IntArray:
    """(n,) the number of each example's group: examples that share a key of any kind are of one.

    ``keys`` are ids (n,), such as of stars and of fields; below 0 there is none.
    """
    n = len(keys[0])
    rows, columns, offset = [], [], n
    for key in keys:
        known = np.flatnonzero(key >= 0)
        names, number = np.unique(key[known], return_inverse=True)
        rows.append(known)
        columns.append(number + offset)
        offset += len(names)
    i, j = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(offset, offset))
    return connected_components(graph, directed=False)[1][:n]


def parts_of(
    star: IntArray, field: IntArray, exposure: IntArray, n_parts: int
) -> tuple[IntArray, str]:
    """The number of the part of each example (n,), and by what they were divided.

    ``star``, ``field`` and ``exposure`` (n,) are ids, below 0 where there is none. No star, field
    or exposure is in two parts, where there are fields enough for that; else no star or field; else
    no star. Groups go to the part that has fewest examples by then, the largest first.
    """
    by = {
        "star, field and exposure": (star, field, exposure),
        "star and field": (star, field),
        "star": (star,),
    }
    for name, keys in by.items():
        group = groups_linked(keys)
        numbers = np.bincount(group)
        numbers = numbers[numbers > 0]
        if len(numbers) >= LEAST_A_PART * n_parts and numbers.max() <= len(star) / 2:
            return _balanced(group, n_parts), name
    return _balanced(group, n_parts), "star"


def _balanced(group: IntArray, n_parts: int) -> IntArray:
    names, number, sizes = np.unique(group, return_inverse=True, return_counts=True)
    part, filled = np.zeros(len(names), int), np.zeros(n_parts)
    # Those of one size at random: in the order of their ids kinds of examples may alternate.
    chance = np.random.default_rng(0).random(len(names))
    for one in np.lexsort([chance, -sizes]):
        part[one] = np.argmin(filled)
        filled[part[one]] += sizes[one]
    return part[number]


def rare_weights(kind: IntArray, power: float, weight: FloatArray) -> FloatArray:
    """(n,) weights without a unit, of examples by their kind (n,), any ids; 1 in the mean.

    The ``weight`` (n,) that each has by itself, times that of all examples of its kind to the power
    of minus ``power``: with 0 all examples keep theirs, with 1 all kinds weigh alike.
    """
    _, number = np.unique(kind, return_inverse=True)
    of_kind = np.bincount(number, weight)
    weight = weight * of_kind[number] ** -power
    return weight / weight.mean() if len(weight) else weight
