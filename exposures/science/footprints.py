"""Footprints of chips: their four corners on the sky, and the overlap of two."""

import numpy as np
from astropy.wcs import WCS
from numpy.typing import ArrayLike

from exposures.science.angles import to_sky
from exposures.science.arrays import BoolArray, FloatArray, Floats, IntArray, Shape

ROUNDING = 1e-12  # of a cosine
AT_ONCE = 1 << 14  # positions
N_GRID = 50  # points along an edge; the fraction is good to about 1 / N_GRID


# q3c refuses polygons wider than some 23 degrees, and with them every search that meets one.
MAX_DEGREES = 20.0
MAX_BEND = 0.5  # of a corner from where the middle has it, over its distance from there


def corner_pixels(shape: Shape) -> tuple[list[float], list[float]]:
    """x and y of the four outer corners of an image (ny, nx) in turn; pixels, from -0.5."""
    ny, nx = shape
    return [-0.5, nx - 0.5, nx - 0.5, -0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5]


def fault_of(footprint: ArrayLike | None) -> str:
    """The reason why a footprint (8,) in degrees can't be a chip's, or "".

    It has to be a convex quadrilateral of some area, on a part of the sky that a search can hold:
    others lie on no sky, or make searches fail that have nothing to do with them. None and NaN are
    no position.
    """
    footprint = np.asarray(footprint, float)  # None is NaN
    if footprint.shape != (8,):
        return "it has not four corners"
    if not np.all(np.isfinite(footprint)):
        return "its corners have no place on the sky"
    if np.any(np.abs(footprint[1::2]) > 90):
        return "its corners lie beyond the poles"
    corners = unit_vectors(footprint)
    centre = corners.mean(axis=0)
    widest = np.degrees(np.arccos(np.clip(corners @ corners.T, -1, 1).min()))
    if widest > MAX_DEGREES:
        return f"its corners lie {widest:.0f} degrees apart, more than {MAX_DEGREES:.0f}"
    plane = tangent_plane(corners, centre)
    edges = np.roll(plane, -1, axis=0) - plane
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    if not (np.all(turns > 0) or np.all(turns < 0)):
        return "its corners are those of no rectangle"
    return ""


def fault_of_wcs(wcs: WCS, shape: Shape) -> str:
    """The reason why a WCS can't be that of a chip of ``shape`` (ny, nx), or "".

    Its corners have to be a chip's, and lie about where they do by the size and direction of the
    pixels in its middle: no camera's distortion moves a corner by half the way to it.
    """
    ny, nx = shape
    step = min(nx, ny) / 20
    x, y = np.array([nx / 2, ny / 2])[:, None] - 0.5 + step * np.array([[0, 1, 0], [0, 0, 1]])
    corner_x, corner_y = corner_pixels(shape)
    ra, dec = wcs.all_pix2world([*x, *corner_x], [*y, *corner_y], 0)
    if fault := fault_of(np.column_stack([ra, dec])[3:].ravel()):
        return fault
    if not np.all(np.isfinite([*ra, *dec])):
        return "its middle has no place on the sky"
    vectors = unit_vectors(np.column_stack([ra, dec]).ravel())
    if np.any(vectors @ vectors[0] <= 0):
        return "its corners lie on the other side of the sky from its middle"
    plane = tangent_plane(vectors, vectors[0])
    axes = (plane[1:3] - plane[0]) / step
    away = np.column_stack([corner_x, corner_y]) - [nx / 2 - 0.5, ny / 2 - 0.5]
    by_pixels = away @ axes
    length = np.linalg.norm(by_pixels, axis=1)
    if np.any(np.linalg.norm(plane[3:] - plane[0] - by_pixels, axis=1) > MAX_BEND * length):
        return "its corners are not where the pixels in its middle would have them"
    return ""


def overlap_fraction(footprint: ArrayLike, other: ArrayLike) -> float:
    """Share of a footprint's area that lies in another, 0 to 1, good to about 0.02.

    A footprint is ra, dec of four corners in turn, ICRS degrees: (8,). Points on a grid between the
    corners of the first are tested in the tangent plane at its centre, where great circles are
    straight lines; the other has to be convex.
    """
    corners, other_corners = unit_vectors(footprint), unit_vectors(other)
    centre = corners.mean(axis=0)
    if np.any(other_corners @ centre <= 0):  # beyond the horizon of the tangent plane
        return 0.0
    grid = tangent_plane(_between(corners), centre)
    return float(np.mean(in_convex_polygon(grid, tangent_plane(other_corners, centre))))


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """(..., 3) products of vectors (..., 3); numpy's own takes ten times as long for a few."""
    (x1, y1, z1), (x2, y2, z2) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    return np.stack([y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2], axis=-1)


def overlap(footprints: FloatArray, others: FloatArray) -> BoolArray:
    """(k,) whether footprints (k, 8) share sky with others (k, 8), which are convex; ICRS degrees.

    Two convex polygons do unless a side of one has all of the other beyond it (the theorem of the
    separating axis), on the sphere as in the tangent plane, where great circles are straight.
    """
    a, b = (unit_vectors(np.ravel(one)).reshape(-1, 4, 3) for one in (footprints, others))
    is_near = np.sum(a.mean(axis=1) * b.mean(axis=1), axis=1) > 0  # on one side of the sky
    return is_near & ~_is_beyond_a_side(a, b) & ~_is_beyond_a_side(b, a)


def _is_beyond_a_side(corners: FloatArray, of: FloatArray) -> BoolArray:
    """(k,) whether all of (k, 4, 3) corners lie beyond one of the sides of other ones."""
    normals = cross(of, of[:, [1, 2, 3, 0]])
    centre = of.mean(axis=1)[:, :, None]
    inwards = np.sign(normals @ centre) * normals
    return np.any(np.all(inwards @ corners.transpose(0, 2, 1) <= 0, axis=2), axis=1)


def contains(footprint: ArrayLike, ra: FloatArray, dec: FloatArray) -> BoolArray:
    """(n,) whether positions, ICRS degrees (n,), lie in a footprint (8,), which is convex."""
    corners, points = unit_vectors(footprint), unit_vectors(np.column_stack([ra, dec]))
    side = points @ cross(corners, corners[[1, 2, 3, 0]]).T
    inside = np.all(side >= 0, axis=1) | np.all(side <= 0, axis=1)
    return inside & (points @ corners.sum(axis=0) > 0)  # not on the other side of the sky


def is_in_any(footprints: FloatArray, ra: FloatArray, dec: FloatArray) -> BoolArray:
    """(n,) whether positions (n,) lie in any of footprints (m, 8), which are convex; ICRS degrees.

    As ``contains`` for each, which is asked only of those whose circle a position lies in.
    """
    points = unit_vectors(np.column_stack([ra, dec]))
    i, j = in_circles(footprints, points)
    inside = np.zeros(len(points), bool)
    inside[i[is_within(sides_of(footprints)[j], points[i])]] = True
    return inside


def in_circles(footprints: FloatArray, points: FloatArray) -> tuple[IntArray, IntArray]:
    """Indices (k,) of unit vectors (n, 3), and of the footprints (m, 8) in whose circles they are.

    Footprints are in ICRS degrees, a circle the smallest round the middle of one.
    """
    corners = unit_vectors(np.ravel(footprints)).reshape(-1, 4, 3)
    centres = corners.mean(axis=1)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    nearest = np.sum(corners * centres[:, None], axis=2).min(axis=1, initial=1.0) - ROUNDING
    found = [np.zeros((2, 0), np.intp)]
    for start in range(0, len(points), AT_ONCE):
        i, j = np.nonzero(points[start : start + AT_ONCE] @ centres.T >= nearest)
        found.append(np.stack([start + i, j]))
    i, j = np.concatenate(found, axis=1)
    return i, j


def count_containing(footprints: FloatArray, ra: FloatArray, dec: FloatArray) -> IntArray:
    """(n,) in how many of footprints (m, 8), which are convex, positions (n,) lie; ICRS degrees.

    As ``contains`` for each, by the planes through the sides and the middle of the sphere.
    """
    corners = unit_vectors(np.ravel(footprints)).reshape(-1, 4, 3)
    points = unit_vectors(np.column_stack([ra, dec]))
    normals = cross(corners, corners[:, [1, 2, 3, 0]])
    side = normals @ points.T
    inside = np.all(side >= 0, axis=1) | np.all(side <= 0, axis=1)
    inside &= corners.mean(axis=1) @ points.T > 0  # not on the other side of the sky
    return np.count_nonzero(inside, axis=0)


def grown(footprint: ArrayLike, margin_degrees: float) -> FloatArray:
    """(8,) a convex footprint (8,) in degrees whose sides lie further out by at least a margin."""
    corners = unit_vectors(footprint)
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    sides = np.roll(corners, -1, axis=0) - corners
    to_centre = centre - corners
    distances = np.linalg.norm(np.cross(sides, to_centre), axis=1) / np.linalg.norm(sides, axis=1)
    factor = 1 + np.radians(margin_degrees) / distances.min()
    # On the plane that touches the sky at the centre, where sides are straight.
    plane = corners / (corners @ centre)[:, None] - centre
    return np.column_stack(to_sky(centre + factor * plane)).ravel()


def widened(footprints: FloatArray, margin_arcsec: Floats) -> FloatArray:
    """(m, 8) convex footprints (m, 8) in degrees, their sides moved outwards by at least a margin.

    ``margin_arcsec`` is a number, or one for each (m,).
    """
    corners = unit_vectors(np.ravel(footprints)).reshape(-1, 4, 3)
    centre = corners.mean(axis=1, keepdims=True)
    centre /= np.linalg.norm(centre, axis=2, keepdims=True)
    # On the plane that touches the sky at the centre, where sides are straight.
    plane = corners / np.sum(corners * centre, axis=2, keepdims=True) - centre
    following = plane[:, [1, 2, 3, 0]]
    twice_area = np.linalg.norm(cross(plane, following), axis=2)
    to_sides = twice_area / np.linalg.norm(following - plane, axis=2)
    margin = np.radians(np.asarray(margin_arcsec) / 3600)
    factor = 1 + 1.01 * margin / to_sides.min(axis=1, initial=np.inf)
    moved = centre + factor[:, None, None] * plane
    return np.column_stack(to_sky(moved.reshape(-1, 3))).reshape(-1, 8)


def sides_of(footprints: FloatArray) -> FloatArray:
    """(m, 4, 3) normals of the planes through the sides of footprints (m, 8) in degrees."""
    corners = unit_vectors(np.ravel(footprints)).reshape(-1, 4, 3)
    return cross(corners, corners[:, [1, 2, 3, 0]])


def is_within(sides: FloatArray, points: FloatArray) -> BoolArray:
    """(k,) whether unit vectors (k, 3) lie within four sides each, normals (k, 4, 3).

    Or opposite to them, on the other side of the sky.
    """
    side = np.einsum("ksx,kx->sk", sides, points)
    return np.all(side >= 0, axis=0) | np.all(side <= 0, axis=0)


def unit_vectors(footprint: ArrayLike) -> FloatArray:
    """(n, 3) unit vectors of ra, dec, ra, dec ... in degrees: of (2 n,), or of (n, 2)."""
    ra, dec = np.radians(np.reshape(footprint, (-1, 2))).T
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _between(corners: FloatArray) -> FloatArray:
    """(N_GRID^2, 3) vectors at the centres of the cells of a grid between four corners."""
    u = (np.arange(N_GRID) + 0.5) / N_GRID
    u, v = (a.reshape(-1, 1) for a in np.meshgrid(u, u))
    a, b, c, d = corners
    return (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d


def east_and_north(vectors: FloatArray, centre: FloatArray) -> FloatArray:
    """(n, 2) gnomonic projection of (n, 3) vectors round the unit vector ``centre``, in radians.

    At a pole, where there is no east, some direction is taken for it.
    """
    east = np.array([-centre[1], centre[0], 0.0])
    length = np.linalg.norm(east)
    east = east / length if length > 1e-9 else np.array([0.0, 1.0, 0.0])
    return vectors @ np.column_stack([east, np.cross(centre, east)]) / (vectors @ centre)[:, None]


def tangent_plane(vectors: FloatArray, centre: FloatArray) -> FloatArray:
    """(n, 2) gnomonic projection of (n, 3) vectors round ``centre`` (3,), in radians.

    Either handedness, along some two axes: for tests of what lies within what.
    """
    normal = centre / np.linalg.norm(centre)
    # Any axis far from the normal will do; at the poles there is no north to take.
    far = np.eye(3)[np.argmin(np.abs(normal))]
    first = cross(normal, far)
    first /= np.linalg.norm(first)
    axes = np.column_stack([first, cross(normal, first)])
    return vectors @ axes / (vectors @ normal)[:, None]


def in_convex_polygon(points: FloatArray, corners: FloatArray) -> BoolArray:
    """(n,) whether (n, 2) points lie in the convex polygon with (m, 2) corners in turn.

    In any unit, the same for both; a point on a side counts as inside.
    """
    edges = np.roll(corners, -1, axis=0) - corners
    from_corner = points[:, None, :] - corners
    side = edges[:, 0] * from_corner[..., 1] - edges[:, 1] * from_corner[..., 0]
    return np.all(side >= 0, axis=1) | np.all(side <= 0, axis=1)
