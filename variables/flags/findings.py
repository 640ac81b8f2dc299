"""Artifacts that the pipeline finds on images and references, proposed as flags."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from exposures.source_ids import catalogue_of, catalogue_sql, id_range
from photometry.models import GalReference
from photometry.storage.by_catalogue import reference_places, times_measured
from variables.flags.chips import images_of, shapes_of
from variables.models import Artifact, Cut
from variables.science.artifacts import (
    Points,
    chips_to_look_at,
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


def on_search_images(chips: np.ndarray, rows: np.ndarray, options) -> list[Proposal]:
    """Propose flags on regions of search images: round saturated stars, on trails, along edges.

    ``chips`` (m,) are CHIP_DTYPE, ``rows`` (n,) the placed changes on them, by image.
    """
    chips = chips[np.argsort(chips["image_id"])]
    chip = np.searchsorted(chips["image_id"], rows["image_id"])
    passes = (rows["failed_cuts"] == 0) & ~rows["is_flagged"]
    points = Points(rows["x"], rows["y"], (rows["failed_cuts"] & SATURATION) != 0, passes)
    places = np.flatnonzero(chips_to_look_at(chip, points, shapes_of(chips), options)).tolist()
    images = images_of(chips["image_id"][places])
    ends = np.searchsorted(chip, places), np.searchsorted(chip, places, side="right")
    return [
        proposal
        for place, first, end in zip(places, *ends, strict=True)
        for proposal in _regions(
            images[int(chips["image_id"][place])],
            points.part(slice(first, end)),
            "changes",
            options,
        )
    ]


def on_references(catalogues: Sequence[GalReference], options) -> list[Proposal]:
    """Propose flags on regions of references where sources change, and on their wrong sources.

    ``catalogues`` are of one block of partitions, or few.
    """
    table = sources_that_changed(catalogues, options)
    own = catalogue_of(table["refsource_id"])
    ids = np.array(sorted(catalogue.pk for catalogue in catalogues), "i8")
    by_id = {catalogue.pk: catalogue for catalogue in catalogues}
    points = Points(
        table["x"], table["y"], (table["failed_cuts"] & SATURATION) != 0, table["passes_cuts"]
    )
    images = [by_id[pk].image for pk in ids.tolist()]
    shapes = np.array([[image.height or 0, image.width or 0] for image in images]).reshape(-1, 2)
    looked_at = chips_to_look_at(np.searchsorted(ids, own), points, shapes, options)
    found = []
    for pk, image in zip(ids[looked_at].tolist(), np.array(images)[looked_at], strict=True):
        part = points.part(slice(*np.searchsorted(own, (pk, pk + 1))))
        found += _regions(image, part, "changing sources", options)
    return found + sources_at_fault(catalogues, table, options)


def sources_at_fault(catalogues, table, options) -> list[Proposal]:
    """Propose flags on sources wrong on references, judged by sets or by all measurements.

    ``table`` (n,) are the ``sources_that_changed``.
    """
    by_set = _at_fault_by_set(catalogues)
    said = {proposal.refsource_id for proposal in by_set}
    others = _at_fault(catalogues, table, options)
    return by_set + [proposal for proposal in others if proposal.refsource_id not in said]


def _regions(image, points, what, options):
    points = points.part(np.isfinite(points.x) & np.isfinite(points.y))
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


def sources_that_changed(catalogues, options) -> np.ndarray:
    """The sources of catalogues that changed, with their positions on the references, by id.

    Quartiles of the changes are given of those that changed often enough for it to matter.
    """
    changes = _changes_of(catalogues)
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
    places = reference_places(catalogues, ids)
    row = np.searchsorted(ids, places["refsource_id"])
    table["x"][row], table["y"][row] = places["x"], places["y"]
    return table


def _changes_of(catalogues):
    """The changes of catalogues' sources, by source."""
    pks = np.array(sorted(catalogue.pk for catalogue in catalogues), "i8")
    first, last = id_range(int(pks[0]))[0], id_range(int(pks[-1]))[1]
    changes = copy_out(CHANGED.format(first=first, last=last), CHANGE_DTYPE)
    if len(pks) < pks[-1] - pks[0] + 1:
        changes = changes[np.isin(catalogue_of(changes["refsource_id"]), pks)]
    return changes[np.argsort(changes["refsource_id"], kind="stable")]


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


def _often(options):
    """The number of changes from which on a source's reference may be at fault."""
    return options.nearly_all * options.min_images


def _at_fault(catalogues, table, options):
    """Propose flags on sources that changed by the same amount on nearly every image."""
    often = table["n_changes"] >= _often(options)
    table = table[often & table["passes_cuts"]]
    scatter = (table["high"] - table["low"]) / 1.349  # of a normal distribution, to its sigma
    # Few may be, whatever number of images there is.
    may_be = _are_wrong(table, np.full(len(table), options.min_images), scatter, options)
    table, scatter = table[may_be], scatter[may_be]
    n_images = times_measured(catalogues, table["refsource_id"]) + table["n_vanished"]
    wrong = _are_wrong(table, n_images, scatter, options)
    by_id = {catalogue.pk: catalogue for catalogue in catalogues}
    return [
        Proposal(
            Artifact.REFERENCE,
            group_label(Artifact.REFERENCE, by_id[int(catalogue_of(row["refsource_id"]))].image),
            _fault(row, n),
            refsource_id=int(row["refsource_id"]),
        )
        for row, n in zip(table[wrong], n_images[wrong], strict=True)
    ]


def _are_wrong(table, n_images, scatter, options):
    columns = (table[name] for name in ("n_changes", "n_vanished", "median"))
    return is_reference_at_fault(n_images, *columns, scatter, options)


def _fault(row, n_images):
    if row["n_vanished"] * 2 > row["n_changes"]:
        return f"not there on {row['n_vanished']} of {n_images} images"
    side = "brighter" if row["median"] < 0 else "fainter"
    return (
        f"{side} by {abs(row['median']):.2f} mag on {row['n_changes']} of {n_images} images, "
        "always by as much"
    )


WITH_FAULTS = """
SELECT DISTINCT {catalogue} FROM galreferencemags
WHERE outlying_image_id > 0 AND refsource_id BETWEEN %s AND %s
"""
OFF = """
SELECT m.refsource_id, s.mag - m.mag, m.mag_err, m.n_used
FROM galreferencemags m JOIN {partition} s
    ON s.refsource_id = m.refsource_id AND s.galimage_id = m.outlying_image_id AND s.is_reference
WHERE m.outlying_image_id > 0 AND m.refsource_id BETWEEN %s AND %s
ORDER BY m.refsource_id
"""


def _at_fault_by_set(catalogues):
    """Propose flags on sources whose reference disagrees with the agreeing members of its set."""
    pks = [catalogue.pk for catalogue in catalogues]
    with connection.cursor() as cursor:
        query = WITH_FAULTS.format(catalogue=catalogue_sql("refsource_id"))
        cursor.execute(query, [id_range(min(pks))[0], id_range(max(pks))[1]])
        with_faults = {pk for (pk,) in cursor.fetchall()}
        return [
            proposal
            for catalogue in catalogues
            if catalogue.pk in with_faults
            for proposal in _off_its_set(cursor, catalogue)
        ]


def _off_its_set(cursor, catalogue):
    cursor.execute(OFF.format(partition=catalogue.partition), [*catalogue.id_range])
    group = group_label(Artifact.REFERENCE, catalogue.image)
    return [
        Proposal(
            Artifact.REFERENCE,
            group,
            f"{catalogue.image} is at fault: {_off(delta, mag_err)} the {n} other images of its "
            "reference set, which agree. Or the star varied just then",
            refsource_id=refsource_id,
        )
        for refsource_id, delta, mag_err, n in cursor.fetchall()
    ]


def _off(delta, mag_err):
    if mag_err > UNSEEN_MAG_ERR:
        return "nothing is there on"
    side = "brighter" if delta < 0 else "fainter"
    return f"{abs(delta):.2f} mag {side} than on"
