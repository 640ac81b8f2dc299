"""Stars inside a polygon that somebody drew on a plane."""

import numpy as np

from exposures.binary_copy import copy_out, names_of
from exposures.errors import GalprojectError
from exposures.science.arrays import FloatArray, IntArray
from exposures.source_ids import catalogue_of, id_range
from variables.derived.colours import colour_columns
from variables.models import GalPeriod, GalVariability
from variables.science.binned_statistics import Window, inside_polygon
from variables.variability.axes import PERIOD_AXES, PUBLISHED_AXES, Axis
from variables.variability.binned_statistics import bins_of
from variables.variability.colours import colours_of
from variables.variability.storage import VARIABILITY_DTYPE

MOST = 5000  # stars of a list: some ten seconds, as each one's candidate is derived


class LassoError(GalprojectError):
    """A polygon that encloses no star, or more than a list may have."""


def stars_inside(catalogue_ids, x: Axis, y: Axis, corners: FloatArray) -> list[int]:
    """Ids of the stars of catalogues whose statistics lie in a polygon, in their order.

    ``corners`` (k, 2) are values on the axes ``x`` and ``y``; its edges are straight on the plane
    as it is drawn, so in logarithms where an axis is. Those that may be inside are found by their
    bins, and then judged by their rows of galvariability. Raises LassoError where there is none,
    or more than MOST.
    """
    polygon = np.column_stack([x.coordinates(corners[:, 0]), y.coordinates(corners[:, 1])])
    if not np.isfinite(polygon).all():
        raise LassoError("A corner lies where the axis has no value: draw the region anew")
    found: list[int] = []
    for catalogue_id, bins in bins_of(catalogue_ids, [x, y]):
        near = _near(bins, (x, y), polygon)
        if len(near) > 2 * MOST:  # by far the most of these are inside
            raise _too_many()
        if len(near):
            found += _inside(id_range(catalogue_id)[0] + near, (x, y), polygon)
        if len(found) > MOST:
            raise _too_many()
    if not found:
        raise LassoError("No star lies inside: draw the region where there are some")
    return found


def _too_many():
    return LassoError(
        f"More than {MOST:,} stars lie inside, which is more than a list may have: draw a smaller "
        "region"
    )


def _near(bins, axes, polygon) -> IntArray:
    """(k,) ranks of the stars that are inside by their bins, or so near that they may be."""
    windows = [
        Window(axis.scale.edge(low) - 1, axis.scale.edge(high) + 2, 1)
        for axis, low, high in zip(axes, polygon.min(axis=0), polygon.max(axis=0), strict=True)
    ]
    ranks = np.flatnonzero(windows[0].holds(bins[0]) & windows[1].holds(bins[1]))
    x, y = (axis.scale.values(b[ranks]) for axis, b in zip(axes, bins, strict=True))
    may_be = inside_polygon(x, y, polygon)
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            dx, dy = sign_x * axes[0].scale.step, sign_y * axes[1].scale.step
            may_be |= inside_polygon(x + dx, y + dy, polygon)
    return ranks[may_be]


def _inside(ids: IntArray, axes, polygon) -> list[int]:
    """Those of some sources of a catalogue whose rows have them inside."""
    rows = _rows_of(ids)
    if len(rows) == 0:
        return []
    x, y = (axis.coordinates(_values(axis, rows)) for axis in axes)
    return rows["refsource_id"][inside_polygon(x, y, polygon)].tolist()


def _rows_of(refsource_ids: IntArray) -> np.ndarray:
    """Rows of galvariability of sources by their ids (n,), those that have one."""
    listed = ",".join(map(str, refsource_ids.tolist()))
    columns = ", ".join(names_of(VARIABILITY_DTYPE))
    return copy_out(
        f"SELECT {columns} FROM {GalVariability._meta.db_table}"
        f" WHERE refsource_id = ANY('{{{listed}}}') ORDER BY refsource_id",
        VARIABILITY_DTYPE,
    )


def _values(axis: Axis, rows: np.ndarray) -> FloatArray:
    """(n,) values on an axis of stars, of which these are the rows of galvariability (n,)."""
    ids = rows["refsource_id"]
    if axis.other_filter is not None:
        return colours_of(ids, axis.other_filter)
    if axis.name in PUBLISHED_AXES:
        return colour_columns(int(catalogue_of(ids[0])), ids)[axis.name]
    if axis.name not in PERIOD_AXES:
        return rows[axis.name]
    first = GalPeriod.objects.filter(refsource_id__in=ids.tolist(), rank=1)
    values = dict(first.values_list("refsource_id", axis.name))
    return np.array([values.get(i, np.nan) for i in ids.tolist()], float)
