"""Sources and stars near each other on a plane."""

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import FloatArray, IntArray

STEP = 1.5  # between the radii of the classes in which stars are looked up


def pairs_within(
    places: FloatArray, centres: FloatArray, radius: FloatArray
) -> tuple[IntArray, IntArray]:
    """Indices (p,) of places and of centres that lie within each centre's radius of it.

    ``places`` (n, 2) and ``centres`` (m, 2) are on a plane, in arcsec as ``radius`` (m,) is.
    Ordered by centre and place.
    """
    tree = cKDTree(places)
    sizes = np.ceil(np.log(np.maximum(radius, 1e-3)) / np.log(STEP)).astype(int)
    found = [np.zeros((0, 2), int)]
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        near = tree.sparse_distance_matrix(
            cKDTree(centres[chosen]), radius[chosen].max(), output_type="ndarray"
        )
        centre = chosen[near["j"]]
        inside = near["v"] <= radius[centre]
        found.append(np.column_stack([near["i"][inside], centre[inside]]))
    i, j = np.concatenate(found).T
    order = np.lexsort((i, j))
    return i[order], j[order]
