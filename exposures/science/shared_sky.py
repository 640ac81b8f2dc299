"""Which chips share sky with which others."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.footprints import MAX_DEGREES, cross, unit_vectors

ROUNDING = 1e-9
ON_EDGE = 1e-9  # radians, 0.2 mas
AT_ONCE = 1 << 16  # pairs


@dataclass(frozen=True)
class ChipPlaces:
    """Where chips are on the sky; arrays of n, ICRS degrees. NaN is no place."""

    ra: FloatArray  # (n,) of the centre
    dec: FloatArray  # (n,)
    footprint: FloatArray  # (n, 8) ra, dec of the four corners in turn

    def at(self, chosen: BoolArray | IntArray) -> "ChipPlaces":
        """The places of some of them, by their numbers or a mask (n,)."""
        return ChipPlaces(self.ra[chosen], self.dec[chosen], self.footprint[chosen])


@dataclass(frozen=True)
class SharingPairs:
    """Pairs of chips that share sky, and those that miss it by ON_EDGE; arrays (k,)."""

    chip: IntArray  # number of the one
    other: IntArray  # number of the other
    depth: FloatArray  # radians from the edge, of what is deepest in the other; negative: beside it

    @property
    def shares(self) -> BoolArray:
        """(k,) whether they share sky."""
        return self.depth >= 0

    @property
    def is_certain(self) -> BoolArray:
        """(k,) whether they do beyond any rounding."""
        return self.depth > ON_EDGE


def pairs_sharing_sky(chips: ChipPlaces, others: ChipPlaces) -> SharingPairs:
    """The SharingPairs of chips and others, in their order.

    Two chips of about the same size share sky where the centre or a corner of one lies in the
    other, whose sides are great circles. A place that can be no chip's shares none.
    """
    mine, theirs = (np.flatnonzero(_is_possible(places)) for places in (chips, others))
    if not len(mine) or not len(theirs):
        none = np.zeros(0, np.intp)
        return SharingPairs(none, none, np.zeros(0))
    a, b = _Squares(chips.at(mine)), _Squares(others.at(theirs))
    i, j = _near(a, b)
    depth = np.zeros(len(i))
    for start in range(0, len(i), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        one, other = i[rows], j[rows]
        depth[rows] = np.maximum(_deepest(a, one, b, other), _deepest(b, other, a, one))
    kept = depth > -ON_EDGE
    chip, of_other, depth = mine[i[kept]], theirs[j[kept]], depth[kept]
    order = np.lexsort((of_other, chip))
    return SharingPairs(chip[order], of_other[order], depth[order])


def _is_possible(places: ChipPlaces) -> BoolArray:
    """(n,) whether places are those of chips: whole, and no wider than MAX_DEGREES."""
    values = np.column_stack([places.ra, places.dec, places.footprint])
    is_whole = np.all(np.isfinite(values), axis=1)
    corners = unit_vectors(np.where(is_whole[:, None], places.footprint, 0.0)).reshape(-1, 4, 3)
    widest = np.cos(np.radians(MAX_DEGREES))
    is_narrow = (corners @ corners.transpose(0, 2, 1)).min(axis=(1, 2)) > widest
    return is_whole & is_narrow


class _Squares:
    """Unit vectors of n chips: points (n, 5, 3), of which the last is the centre, and sides."""

    def __init__(self, places: ChipPlaces) -> None:
        corners = unit_vectors(places.footprint).reshape(-1, 4, 3)
        self.centre = unit_vectors(np.column_stack([places.ra, places.dec]))
        self.points = np.concatenate([corners, self.centre[:, None]], axis=1)
        sides = cross(corners, corners[:, [1, 2, 3, 0]])
        self.sides = sides / np.linalg.norm(sides, axis=2, keepdims=True)  # (n, 4, 3) normals
        cosines = np.einsum("nkc,nc->nk", corners, self.centre).min(axis=1)
        self.radius = np.arccos(np.clip(cosines, -1, 1))  # (n,) of the circle round all corners


def _near(a: _Squares, b: _Squares) -> tuple[IntArray, IntArray]:
    """Numbers (k,) of a and of b whose circles touch."""
    reach = min(a.radius.max() + b.radius.max(), np.pi)
    trees = cKDTree(a.centre), cKDTree(b.centre)
    found = trees[0].sparse_distance_matrix(
        trees[1], 2 * np.sin(reach / 2) + ROUNDING, output_type="ndarray"
    )
    i, j = found["i"], found["j"]
    own = np.minimum(a.radius[i] + b.radius[j], np.pi)
    touch = found["v"] <= 2 * np.sin(own / 2) + ROUNDING
    return i[touch], j[touch]


def _deepest(a: _Squares, i: IntArray, b: _Squares, j: IntArray) -> FloatArray:
    """(k,) radians by which the innermost of the points of each a[i] lies in b[j]."""
    side = a.points[i] @ b.sides[j].transpose(0, 2, 1)  # (k, 5, 4)
    # Corners in turn, or in return.
    depth = np.maximum(side.min(axis=2), -side.max(axis=2))
    # On the other side of the sky all sides are passed on the same hand, too.
    is_before = np.einsum("kpc,kc->kp", a.points[i], b.centre[j]) > 0
    return np.where(is_before, depth, -np.pi).max(axis=1)
