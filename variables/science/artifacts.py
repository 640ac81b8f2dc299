"""Artifacts found by crowded changes: saturated stars, trails and edges; and wrong references."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, Index, IntArray, Shape
from exposures.science.quantities import (
    Count,
    Days,
    Fraction,
    Margin,
    Options,
    Pixels,
    Ratio,
    TwoOrMore,
)

ROUNDING = 1e-9  # of a density, relative


@dataclass(frozen=True)
class ArtifactOptions(Options):
    """Thresholds for proposing artifacts."""

    link_pixels: Pixels = 30.0
    """Distance between changes below which they belong to one saturated star."""
    min_changes: TwoOrMore = 3
    """Least number of changes for which a flag is proposed."""
    trail_ratio: Ratio = 4.0
    """Ratio of the sides of a group of changes from which on it is a bleed trail."""
    margin_pixels: Margin = 8.0
    """Margin of a proposed region beyond the outermost of its changes."""
    edge_pixels: Pixels = 25.0
    """Width of the strip along an edge of a chip in which changes are counted."""
    edge_excess: Ratio = 4.0
    """Density of changes in the strip along an edge, over that inside, from which on the edge is
    flagged."""
    defect_pixels: Pixels = 2.5
    """Largest distance between changes that are due to one defect of the detector."""
    defect_days: Days = 30.0
    """Time before and after an exposure in which other exposures are looked at for defects."""
    min_exposures: TwoOrMore = 4
    """Least number of exposures, or of chips of one exposure, on which a defect makes changes."""
    apart_pixels: Pixels = 5.0
    """Distance on the sky between changes below which they are one star's, which may vary."""
    defect_excess: Ratio = 10.0
    """Number of changes at a place, over that expected by chance, from which on it is a defect."""
    nearly_all: Fraction = 0.8
    """Share of a source's images with changes, from which on its reference may be at fault."""
    min_images: Count = 5
    """Least number of images with the source before its reference is suspected."""
    steadiness: Ratio = 5.0
    """Median change over its scatter, from which on the reference is at fault."""


@dataclass(frozen=True)
class Points:
    """Changes on an image, or sources that changed on a reference; arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    is_saturated: np.ndarray  # fails a cut, or has a mask bit, for a saturated star
    passes_cuts: np.ndarray  # bool, all of them: only such changes need a flag

    def part(self, index: Index | slice) -> "Points":
        """Some of them, by a slice, a mask (n,) or indices (k,)."""
        return Points(
            self.x[index], self.y[index], self.is_saturated[index], self.passes_cuts[index]
        )


@dataclass(frozen=True)
class Region:
    """A polygon on a chip that holds an artifact."""

    kind: str  # "bleed", "saturated", "edge", "detector"
    corners: np.ndarray  # (n, 2) pixels
    n_changes: int
    n_passing_cuts: int
    where: str  # in words: "the left edge"


def saturated_regions(points: Points, options: ArtifactOptions = ArtifactOptions()) -> list[Region]:
    """A list of Regions round saturated stars and along their bleed trails.

    ``points`` are n Points, (n,) pixels. Changes that fail the cuts for a saturated star are linked
    where they are near each other; a group of several has a region round it, which is worth saying
    where it holds changes that passed the cuts.
    """
    suspects = np.flatnonzero(points.is_saturated)
    if len(suspects) < options.min_changes:
        return []
    at = np.column_stack([points.x, points.y])
    if len(cKDTree(at[suspects]).query_pairs(options.link_pixels)) < options.min_changes - 1:
        return []
    regions = []
    for group in groups(at[suspects], options.link_pixels, options.min_changes):
        members = suspects[group]
        kind, corners = _shape(at[members], options)
        regions.append(_region(kind, corners, points, "x {:.0f}, y {:.0f}"))
    return [region for region in regions if region.n_passing_cuts > 0]


def groups(positions: FloatArray, radius: float, least: float = 1) -> list[IntArray]:
    """Groups of positions (n, d) linked by steps of at most ``radius``, as lists of indices.

    A list of arrays (k,), those of at least ``least`` positions; positions and radius are in any
    unit.
    """
    if len(positions) == 0:
        return []
    labels = group_labels(positions, radius)
    order = np.argsort(labels, kind="stable")
    order = order[np.bincount(labels)[labels[order]] >= least]
    if len(order) == 0:
        return []
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def group_labels(positions: FloatArray, radius: float) -> IntArray:
    """(n,) the number of the group of each position (n, d), as ``groups`` has them."""
    n = len(positions)
    if n == 0:
        return np.zeros(0, int)
    pairs = cKDTree(positions).query_pairs(radius, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(n, n))
    _, labels = connected_components(links, directed=False)
    return labels


def _shape(positions: FloatArray, options: ArtifactOptions) -> tuple[str, FloatArray]:
    """The kind of a group of positions, and a polygon round it: a box or a regular twelve-gon."""
    low = positions.min(axis=0) - options.margin_pixels
    high = positions.max(axis=0) + options.margin_pixels
    sides = np.sort(high - low)
    if sides[1] >= options.trail_ratio * sides[0]:
        return "bleed", box(low, high)
    centre = (low + high) / 2
    radius = np.hypot(*(positions - centre).T).max() + options.margin_pixels
    angle = np.arange(12) * np.pi / 6
    # Outside the circle, so that the polygon holds all of it.
    radius /= np.cos(np.pi / 12)
    return "saturated", centre + radius * np.column_stack([np.cos(angle), np.sin(angle)])


def box(low: Sequence[float] | FloatArray, high: Sequence[float] | FloatArray) -> FloatArray:
    """(4, 2) corners of the rectangle between two opposite corners (2,); x, y in pixels."""
    return np.array([low, [high[0], low[1]], high, [low[0], high[1]]])


def _region(kind: str, corners: FloatArray, points: Points, where: str) -> Region:
    inside = in_polygon(points.x, points.y, corners)
    return Region(
        kind,
        corners,
        int(inside.sum()),
        int((inside & points.passes_cuts).sum()),
        where.format(*corners.mean(axis=0)),
    )


def in_polygon(x: FloatArray, y: FloatArray, corners: FloatArray) -> BoolArray:
    """(n,) whether points lie in a polygon, by counting the sides to their right.

    ``x, y`` (n,) and ``corners`` (m, 2), in turn, are in pixels; NaN lies in none.
    """
    inside = np.zeros(len(x), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside


def clipped(corners: FloatArray, shape: Shape) -> FloatArray:
    """(m, 2) corners of the part of a convex polygon that is on a chip of ``shape`` (ny, nx).

    ``corners`` (n, 2), in turn, are x, y in pixels; (0, 2) where nothing of it is on the chip. By
    Sutherland & Hodgman (1974, Commun. ACM 17, 32): one edge of the chip after the other.
    """
    low, high = (-0.5, -0.5), (shape[1] - 0.5, shape[0] - 0.5)
    for axis in (0, 1):
        for sign, limit in ((1, low[axis]), (-1, high[axis])):
            inside = sign * (corners[:, axis] - limit)
            kept = []
            for a, b, in_a, in_b in zip(
                corners, np.roll(corners, -1, axis=0), inside, np.roll(inside, -1), strict=True
            ):
                if in_a >= 0:
                    kept.append(a)
                if (in_a >= 0) != (in_b >= 0):
                    kept.append(a + (b - a) * in_a / (in_a - in_b))
            corners = np.array(kept).reshape(-1, 2)
    return corners


EDGES = ("left", "right", "lower", "upper")


def edge_regions(
    points: Points, shape: Shape, options: ArtifactOptions = ArtifactOptions()
) -> list[Region]:
    """Strips along the edges of a chip of ``shape`` (ny, nx) in which changes crowd.

    A list of Region; ``points`` are n Points, (n,) pixels.
    """
    ny, nx = shape
    depth = options.edge_pixels
    low, high = np.array([-0.5, -0.5]), np.array([nx - 0.5, ny - 0.5])
    strips = (
        box(low, [depth - 0.5, high[1]]),
        box([high[0] - depth, low[1]], high),
        box(low, [high[0], depth - 0.5]),
        box([low[0], high[1] - depth], high),
    )
    x, y = points.x, points.y
    in_strip = x < depth - 0.5, x >= high[0] - depth, y < depth - 0.5, y >= high[1] - depth
    if max(map(np.count_nonzero, in_strip)) < options.min_changes:
        return []
    at_edge = np.any(in_strip, axis=0)
    # At least one, as an empty chip says little of how empty it is.
    inside_density = max(1, (~at_edge).sum()) / max(1.0, (nx - 2 * depth) * (ny - 2 * depth))
    regions = []
    for name, strip in zip(EDGES, strips, strict=True):
        region = _region("edge", strip, points, f"the {name} edge")
        area = depth * (ny if name in ("left", "right") else nx)
        is_crowded = region.n_changes / area >= options.edge_excess * inside_density
        if region.n_changes >= options.min_changes and region.n_passing_cuts and is_crowded:
            regions.append(region)
    return regions


def chips_to_look_at(
    chip: IntArray,
    points: Points,
    shapes: IntArray,
    options: ArtifactOptions = ArtifactOptions(),
) -> BoolArray:
    """(m,) which of m chips may have a region of a saturated star, or along an edge.

    ``points`` are n Points of all of them, (n,) pixels, NaN where unknown, on the chips of these
    indices ``chip`` (n,); ``shapes`` (m, 2) are ny, nx of the chips, 0 where unknown. All chips for
    which ``saturated_regions`` or ``edge_regions`` find a region, and few others.
    """
    known = np.isfinite(points.x) & np.isfinite(points.y)
    chip = chip[known]
    points = points.part(known)
    passes = np.bincount(chip[points.passes_cuts], minlength=len(shapes)) > 0
    crowded = _may_be_saturated(chip, points, len(shapes), options)
    return passes & (crowded | _may_have_edges(chip, points, shapes, options))


def _may_be_saturated(
    chip: IntArray, points: Points, n_chips: int, options: ArtifactOptions
) -> BoolArray:
    """(n_chips,) on which chips as many suspects are linked as a saturated star has at least."""
    of, x, y = (values[points.is_saturated] for values in (chip, points.x, points.y))
    if len(of) < options.min_changes:
        return np.zeros(n_chips, bool)
    # Chips lie one above the other, too far apart for links.
    at = np.column_stack([x, y, 2.0 * options.link_pixels * of])
    labels = group_labels(at, options.link_pixels)
    is_large = np.bincount(labels)[labels] >= options.min_changes
    return np.bincount(of[is_large], minlength=n_chips) > 0


def _may_have_edges(
    chip: IntArray, points: Points, shapes: IntArray, options: ArtifactOptions
) -> BoolArray:
    """(n_chips,) on which chips changes crowd in a strip along an edge, as in ``edge_regions``."""
    depth = options.edge_pixels
    ny, nx = shapes.T.astype(float)
    x, y = points.x, points.y
    right, top = nx[chip] - 0.5 - depth, ny[chip] - 0.5 - depth
    in_strip = x < depth - 0.5, x >= right, y < depth - 0.5, y >= top
    inside = np.bincount(chip[~np.any(in_strip, axis=0)], minlength=len(shapes))
    inside_density = np.maximum(1, inside) / np.maximum(1.0, (nx - 2 * depth) * (ny - 2 * depth))
    found = np.zeros(len(shapes), bool)
    for one, length in zip(in_strip, (ny, ny, nx, nx), strict=True):
        n = np.bincount(chip[one], minlength=len(shapes))
        is_crowded = n >= options.edge_excess * inside_density * depth * length * (1 - ROUNDING)
        found |= (n >= options.min_changes) & is_crowded
    return found & (nx > 0) & (ny > 0)


def is_reference_at_fault(
    n_images: IntArray,
    n_changes: IntArray,
    n_vanished: IntArray,
    median: FloatArray,
    scatter: FloatArray,
    options: ArtifactOptions,
) -> BoolArray:
    """(n,) whether sources changed by the same amount on nearly all images.

    ``n_images``, ``n_changes`` and ``n_vanished`` (n,) are numbers of images on which a source was
    measured, changed, and vanished. ``median`` and ``scatter`` (n,) are of the change in mag, NaN
    where it always vanished. A star that varies changes by different amounts; one that the
    reference has too bright or too faint, or that is not there at all, by the same. An eclipse just
    then looks alike: people decide.
    """
    often = (n_images >= options.min_images) & (n_changes >= options.nearly_all * n_images)
    always_gone = n_vanished >= options.nearly_all * n_images
    with np.errstate(invalid="ignore"):
        steady = np.abs(median) >= options.steadiness * np.maximum(scatter, 1e-3)
    return often & (always_gone | steady)
