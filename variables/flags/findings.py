"""Artifacts that the pipeline finds among the changes of an exposure, proposed as flags."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import Count

from exposures.models import GalExposure, GalImage
from exposures.science.footprints import unit_vectors
from photometry.models import GalReference, GalSource
from variables.models import Artifact, Cut, GalVarObj
from variables.regions.positions import placed_changes
from variables.science.artifacts import (
    Points,
    box,
    defects,
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


def on_search_image(image, options):
    """Propose flags on regions of a search image: round saturated stars, on trails, along edges."""
    changes = placed_changes(image)
    points = Points(
        changes.x,
        changes.y,
        (changes.failed_cuts & SATURATION) != 0,
        (changes.failed_cuts == 0) & ~changes.is_flagged,
    )
    return _regions(image, points, "changes", options)


def on_reference(catalogue, options):
    """Propose flags on regions of a reference where sources change, and on its wrong sources."""
    table = _sources_that_changed(catalogue)
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
    table = _sources_that_changed(catalogue) if table is None else table
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
        _group(artifact, image.exposure),
        f"{region.n_changes} {what} at {region.where}, {region.n_passing_cuts} of them accepted",
        image,
        tuple(region.corners.ravel().tolist()),
    )


def _group(artifact, what):
    return f"{artifact.label}, {what}"[:100]


TABLE = np.dtype(
    [
        *(("refsource_id", "i8"), ("n_changes", "i4"), ("n_vanished", "i4")),
        *(("failed_cuts", "i2"), ("passes_cuts", "?")),
        *(("low", "f8"), ("median", "f8"), ("high", "f8"), ("x", "f8"), ("y", "f8")),
    ]
)
CHANGED = """
SELECT refsource_id, count(*), count(*) FILTER (WHERE kind = 'vanished'), bit_or(failed_cuts),
    bool_or(failed_cuts = 0 AND NOT is_flagged),
    percentile_cont(0.25) WITHIN GROUP (ORDER BY delta_mag),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY delta_mag),
    percentile_cont(0.75) WITHIN GROUP (ORDER BY delta_mag)
FROM galvarobjs WHERE refsource_id BETWEEN %s AND %s GROUP BY refsource_id ORDER BY refsource_id
"""


def _sources_that_changed(catalogue):
    """The sources of a catalogue that changed, with their positions on the reference."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, catalogue.id_range)
        rows = [tuple(np.nan if v is None else v for v in row) for row in cursor.fetchall()]
    table = np.array([(*row, np.nan, np.nan) for row in rows], TABLE)
    sources = GalSource.objects.reference().filter(refsource_id__in=table["refsource_id"].tolist())
    places = {i: (x, y) for i, x, y in sources.values_list("refsource_id", "x", "y")}
    for row in table:
        row["x"], row["y"] = places.get(int(row["refsource_id"]), (np.nan, np.nan))
    return table


def _at_fault(catalogue, table, options):
    """Propose flags on sources that changed by the same amount on nearly every image."""
    often = table["n_changes"] >= options.nearly_all * options.min_images
    table = table[often & table["passes_cuts"]]
    n_images = _times_measured(table["refsource_id"].tolist()) + table["n_vanished"]
    scatter = (table["high"] - table["low"]) / 1.349  # of a normal distribution, to its sigma
    columns = (table[name] for name in ("n_changes", "n_vanished", "median"))
    wrong = is_reference_at_fault(n_images, *columns, scatter, options)
    group = _group(Artifact.REFERENCE, catalogue.image)
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
    group = _group(Artifact.REFERENCE, catalogue.image)
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


def at_defects(images, frame_of, label, options):
    """Propose flags where changes recur at one place of a detector, one flag for each image.

    ``images`` are search images of one detector, or of one exposure; ``frame_of`` names the column
    that distinguishes their frames; ``label`` describes what they share.
    """
    images = {image.pk: image for image in images if image.width and image.height and image.radius}
    if len(images) < options.min_exposures:
        return []
    changes = GalVarObj.objects.accepted().filter(image__in=images, x__isnull=False)
    rows = changes.order_by("pk")
    columns = np.array(list(rows.values_list("image_id", "x", "y", "ra", "dec")), float)
    if len(columns) == 0:
        return []
    first = next(iter(images.values()))
    shape = first.height, first.width
    pixel = np.radians(2 * first.radius / np.hypot(*shape))
    frame = np.array([getattr(images[int(pk)], frame_of) for pk in columns[:, 0]])
    sky = unit_vectors(columns[:, 3:5]) / pixel
    found = defects(columns[:, 1:3], frame, sky, len(images), shape, options)
    return [
        _of_defect(images[pk], defect, columns[defect.members], label, options)
        for defect in found
        for pk in sorted(set(columns[defect.members, 0].astype(int).tolist()))
    ]


def _of_defect(image, defect, members, label, options):
    own = members[members[:, 0] == image.pk, 1:3]
    margin = options.defect_pixels + 0.5
    corners = box(own.min(axis=0) - margin, own.max(axis=0) + margin)
    # To ten pixels: more changes at the same place should not make it another place.
    place = f"{label} near x {round(defect.x, -1):.0f}, y {round(defect.y, -1):.0f}"
    reason = f"changes of {defect.n_stars} stars at this place, on {defect.n_exposures} {{}}"
    frames = "chips" if "exposure" in label else "exposures"
    return Proposal(
        Artifact.DETECTOR,
        _group(Artifact.DETECTOR, place),
        reason.format(frames),
        image,
        tuple(corners.ravel().tolist()),
    )


def findings(exposure: GalExposure, options):
    """All flags to propose once an exposure was processed."""
    images = list(exposure.images.done().select_related("exposure").order_by("ccdnum"))
    searches = [image for image in images if not image.is_reference]
    found = [proposal for image in searches for proposal in on_search_image(image, options)]
    for catalogue in _catalogues(images):
        found += on_reference(catalogue, options)
    for image in searches:
        found += at_defects(_of_detector(image, options), "exposure_id", _detector(image), options)
    return found + at_defects(searches, "ccdnum", f"exposure {exposure}, many chips", options)


def _catalogues(images):
    """The catalogues that were made from images, or measured on them."""
    active = GalReference.objects.filter(active=True).select_related("image__exposure")
    own, others = active.filter(image__in=images), active.filter(coverages__image__in=images)
    return sorted({*own, *others}, key=lambda catalogue: catalogue.pk)


def _of_detector(image, options):
    """Search images from the same detector within some weeks before and after."""
    mjd, days = image.exposure.mjd, options.defect_days
    same = GalImage.objects.searches().done().filter(ccdnum=image.ccdnum)
    return same.filter(
        exposure__instrument=image.exposure.instrument,
        exposure__mjd__range=(mjd - days, mjd + days),
    ).select_related("exposure")


def _detector(image):
    return f"{image.exposure.instrument} {image.chip_name}"
