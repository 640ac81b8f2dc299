"""Extended sources as one object each, which changes if the sum of its members does."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.footprints import unit_vectors
from variables.science.close_pairs import NO_PAIRS


def find_members(
    ra: FloatArray,
    dec: FloatArray,
    flux: FloatArray,
    catalogue: IntArray,
    is_extended: BoolArray,
    radius_arcsec: float,
) -> IntArray:
    """(k, 2) for each member of an extended source the index of its brightest, and its own.

    ``ra, dec`` (n,) are ICRS degrees. Sources of one ``catalogue`` (n,) that ``is_extended`` (n,)
    are members of one object if they are within ``radius_arcsec`` of another member; the brightest
    has the largest ``flux`` (n,), in any unit. A source without another is no object of members.
    """
    chosen = np.flatnonzero(is_extended & np.isfinite(flux))
    if len(chosen) < 2:
        return NO_PAIRS
    vectors = unit_vectors(np.column_stack([ra[chosen], dec[chosen]]).ravel())
    radius = float(np.radians(radius_arcsec / 3600))
    pairs = cKDTree(vectors).query_pairs(radius, output_type="ndarray")
    pairs = pairs[catalogue[chosen[pairs[:, 0]]] == catalogue[chosen[pairs[:, 1]]]]
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(chosen), len(chosen)))
    number = connected_components(links, directed=False)[1]
    # Sorted by object, its brightest first.
    order = np.lexsort([-flux[chosen], number])
    _, first, size = np.unique(number[order], return_index=True, return_counts=True)
    members = np.column_stack([chosen[order][np.repeat(first, size)], chosen[order]])
    return members[np.repeat(size > 1, size)]


def has_traded_within(members: IntArray, change: FloatArray, least_sum: FloatArray) -> BoolArray:
    """(n,) whether members of an extended source lost what others of it gained.

    ``members`` (k, 2) are those of ``find_members``; ``change`` (n,) is what each flux differs from
    the one expected, and ``least_sum`` (n,) how much the changes of all members must be in sum, in
    the same unit. Members that are NaN count for nothing. False for all that is no member.
    """
    brightest, member = members.T
    total = np.bincount(brightest, np.nan_to_num(change[member]), len(change))
    is_traded = np.zeros(len(change), bool)
    is_traded[member] = ~(np.abs(total[brightest]) >= least_sum[member])
    return is_traded


def only_most_significant(members: IntArray, significance: FloatArray) -> FloatArray:
    """(n,) ``significance`` (n,), NaN at all members of an object but the most significant."""
    brightest, member = members.T
    order = np.lexsort([-np.nan_to_num(significance[member]), brightest])
    first = np.unique(brightest[order], return_index=True)[1]
    result = significance.copy()
    result[np.delete(member[order], first)] = np.nan
    return result


def light_of_objects(members: IntArray, flux: FloatArray) -> FloatArray:
    """(n,) the sum of ``flux`` (n,) over the object of each member, 0 of what is no member."""
    brightest, member = members.T
    light = np.zeros(len(flux))
    light[member] = np.bincount(brightest, np.nan_to_num(flux[member]), len(flux))[brightest]
    return light
