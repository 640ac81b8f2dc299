"""Artifacts that the pipeline finds on images and references, proposed as flags."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import Count

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from photometry.models import GalSource
from variables.models import Artifact, Cut
from variables.regions.positions import placed_changes_on
from variables.science.artifacts import (
    Points,
    edge_regions,
    is_reference_at_fault,
    saturated_regions,
)

SATURATION = Cut.SATURATED | Cut.NEAR_SATURATED
UNSEEN_MAG_ERR = 0.36  # of a mean below three sigma


@dataclass(frozen=True)
class Proposal:
    """A flag proposed by the pipeline."""

    artifact: Artifact
    group: str  # those that one decision is about
    reason: str
    image: GalImage | None = None
    region: tuple[float, ...] | None = None  # x, y of its corners
    refsource_id: int | None = None


def on_search_images(images, options):
    """Propose flags on regions of search images: round saturated stars, on trails, along edges."""
    return [
        proposal
        for image, changes in placed_changes_on(images)
        for proposal in _regions(image, _points(changes), "changes", options)
    ]


def _points(changes):
    return Points(
        changes.x,
        changes.y,
        (changes.failed_cuts & SATURATION) != 0,
        (changes.failed_cuts == 0) & ~changes.is_flagged,
    )


def on_reference(catalogue, options):
    """Propose flags on regions of a reference where sources change, and on its wrong sources."""
    table = _sources_that_changed(catalogue, options)
    if len(table) == 0:
        return []
    points = Points(
        table["x"], table["y"], (table["failed_cuts"] & SATURATION) != 0, table["passes_cuts"]
    )
    return [
        *_regions(catalogue.image, points, "changing sources", options),
        *sources_at_fault(catalogue, options, table),
    ]


def sources_at_fault(catalogue, options, table=None):
    """Propose flags on sources wrong on a reference, judged by its set or by all measurements."""
    table = _sources_that_changed(catalogue, options) if table is None else table
    by_set = _at_fault_by_set(catalogue)
    said = {proposal.refsource_id for proposal in by_set}
    others = _at_fault(catalogue, table, options)
    return by_set + [proposal for proposal in others if proposal.refsource_id not in said]


def _regions(image, points, what, options):
    known = np.isfinite(points.x) & np.isfinite(points.y)
    points = Points(*(getattr(points, name)[known] for name in points.__dataclass_fields__))
    found = saturated_regions(points, options)
    if image.width and image.height:
        found += edge_regions(points, (image.height, image.width), options)
    return [_of_region(image, region, what) for region in found]


def _of_region(image, region, what):
    artifact = Artifact(region.kind)
    return Proposal(
        artifact,
        group_label(artifact, image.exposure),
        f"{region.n_changes} {what} at {region.where}, {region.n_passing_cuts} of them accepted",
        image,
        tuple(region.corners.ravel().tolist()),
    )


def group_label(artifact: Artifact, what: str) -> str:
    """The group of flags of an artifact on something: what one decision is about."""
    return f"{artifact.label}, {what}"[:100]


TABLE = np.dtype(
    [
        *(("refsource_id", "i8"), ("n_changes", "i4"), ("n_vanished", "i4")),
        *(("failed_cuts", "i2"), ("passes_cuts", "?")),
        *(("low", "f8"), ("median", "f8"), ("high", "f8"), ("x", "f8"), ("y", "f8")),
    ]
)
CHANGE_DTYPE = np.dtype(
    [
        *(("refsource_id", "i8"), ("has_vanished", "?"), ("failed_cuts", "i2")),
        *(("passes_cuts", "?"), ("delta_mag", "f8")),
    ]
)
CHANGED = """
SELECT refsource_id, kind = 'vanished', failed_cuts, failed_cuts = 0 AND NOT is_flagged,
    coalesce(delta_mag, 'NaN')
FROM galvarobjs WHERE refsource_id BETWEEN {first} AND {last}
"""
PLACES = """
SELECT refsource_id, x::float8, y::float8 FROM {partition}
WHERE is_reference AND refsource_id = ANY('{{{ids}}}')
"""
PLACE_DTYPE = np.dtype([("refsource_id", "i8"), ("x", "f8"), ("y", "f8")])


def _sources_that_changed(catalogue, options):
    """The sources of a catalogue that changed, with their positions on the reference.

    Quartiles of the changes are given of those that changed often enough for it to matter.
    """
    first, last = catalogue.id_range
    changes = copy_out(CHANGED.format(first=first, last=last), CHANGE_DTYPE)
    changes = changes[np.argsort(changes["refsource_id"], kind="stable")]
    ids, start, n_changes = np.unique(
        changes["refsource_id"], return_index=True, return_counts=True
    )
    table = np.zeros(len(ids), TABLE)
    if len(ids) == 0:
        return table
    table["refsource_id"], table["n_changes"] = ids, n_changes
    table["n_vanished"] = np.add.reduceat(changes["has_vanished"].astype(int), start)
    table["failed_cuts"] = np.bitwise_or.reduceat(changes["failed_cuts"], start)
    table["passes_cuts"] = np.logical_or.reduceat(changes["passes_cuts"], start)
    for name in ("low", "median", "high", "x", "y"):
        table[name] = np.nan
    often = n_changes >= _often(options)
    deltas = np.repeat(often, n_changes)
    low, median, high = _quartiles(changes["refsource_id"][deltas], changes["delta_mag"][deltas])
    table["low"][often], table["median"][often], table["high"][often] = low, median, high
    _place(catalogue, table)
    return table


def _quartiles(group, values):
    """(3, n_groups) quartiles of the known values of each group, which lie together; else NaN.

    Interpolated between neighbours, as PostgreSQL's percentile_cont.
    """
    order = np.lexsort((values, group))  # NaN comes last
    values = values[order]
    _, start = np.unique(group, return_index=True)
    n_known = np.add.reduceat(np.isfinite(values).astype(int), start) if len(start) else start
    place = start + np.array([[0.25], [0.5], [0.75]]) * (n_known - 1)
    below = np.floor(place).astype(int).clip(0)
    above = np.minimum(below + 1, len(values) - 1)
    found = values[below] + (place - below) * (values[above] - values[below])
    # The last place is exact, and what follows it may be another group's, or NaN.
    return np.where(n_known > 0, np.where(place == below, values[below], found), np.nan)


def _place(catalogue, table):
    """Fill in the positions of those sources that the reference has."""
    ids = ",".join(map(str, table["refsource_id"].tolist()))
    places = copy_out(PLACES.format(partition=catalogue.partition, ids=ids), PLACE_DTYPE)
    row = np.searchsorted(table["refsource_id"], places["refsource_id"])
    table["x"][row], table["y"][row] = places["x"], places["y"]


def _often(options):
    """The number of changes from which on a source's reference may be at fault."""
    return options.nearly_all * options.min_images


def _at_fault(catalogue, table, options):
    """Propose flags on sources that changed by the same amount on nearly every image."""
    often = table["n_changes"] >= _often(options)
    table = table[often & table["passes_cuts"]]
    n_images = _times_measured(table["refsource_id"].tolist()) + table["n_vanished"]
    scatter = (table["high"] - table["low"]) / 1.349  # of a normal distribution, to its sigma
    columns = (table[name] for name in ("n_changes", "n_vanished", "median"))
    wrong = is_reference_at_fault(n_images, *columns, scatter, options)
    group = group_label(Artifact.REFERENCE, catalogue.image)
    return [
        Proposal(Artifact.REFERENCE, group, _fault(row, n), refsource_id=int(row["refsource_id"]))
        for row, n in zip(table[wrong], n_images[wrong], strict=True)
    ]


def _fault(row, n_images):
    if row["n_vanished"] * 2 > row["n_changes"]:
        return f"not there on {row['n_vanished']} of {n_images} images"
    side = "brighter" if row["median"] < 0 else "fainter"
    return (
        f"{side} by {abs(row['median']):.2f} mag on {row['n_changes']} of {n_images} images, "
        "always by as much"
    )


OFF = """
SELECT m.refsource_id, s.mag - m.mag, m.mag_err, m.n_used
FROM galreferencemags m JOIN galsources s
    ON s.refsource_id = m.refsource_id AND s.galimage_id = m.outlying_image_id AND s.is_reference
WHERE m.refsource_id BETWEEN %s AND %s AND s.refsource_id BETWEEN %s AND %s
ORDER BY m.refsource_id
"""


def _at_fault_by_set(catalogue):
    """Propose flags on sources whose reference disagrees with the agreeing members of its set."""
    with connection.cursor() as cursor:
        cursor.execute(OFF, [*catalogue.id_range, *catalogue.id_range])
        rows = cursor.fetchall()
    group = group_label(Artifact.REFERENCE, catalogue.image)
    return [
        Proposal(
            Artifact.REFERENCE,
            group,
            f"{catalogue.image} is at fault: {_off(delta, mag_err)} the {n} other images of its "
            "reference set, which agree. Or the star varied just then",
            refsource_id=refsource_id,
        )
        for refsource_id, delta, mag_err, n in rows
    ]


def _off(delta, mag_err):
    if mag_err > UNSEEN_MAG_ERR:
        return "nothing is there on"
    side = "brighter" if delta < 0 else "fainter"
    return f"{abs(delta):.2f} mag {side} than on"


def _times_measured(refsource_ids):
    """(n,) on how many search images each source has a measurement."""
    measured = GalSource.objects.filter(refsource_id__in=refsource_ids, is_reference=False)
    counts = dict(measured.values_list("refsource_id").annotate(Count("galimage_id")))
    return np.array([counts.get(i, 0) for i in refsource_ids], int)
