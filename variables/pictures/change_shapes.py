"""Rows of the shapes of candidates' changes, by the differences that are made for them."""

import numpy as np
from django.db import models, transaction

from exposures.binary_copy import copy_out
from exposures.source_ids import id_range
from photometry.storage.storage import lock_against_drop
from variables.models import GalCandidate, GalChangeShape
from variables.science.change_position import Differences
from variables.science.change_shapes import SHAPES, VERSION, change_shapes
from variables.science.change_stamps import ChangeStamp

CHANGED = """
SELECT refsource_id, galimage_id::bigint FROM galvarobjs
WHERE refsource_id BETWEEN {first} AND {last} AND galimage_id <> {reference}
ORDER BY refsource_id, significance DESC, galimage_id
"""


def candidates_without_shapes(catalogue):
    """A catalogue's candidates whose changes are not measured by now, or were others then."""
    measured = GalChangeShape.objects.in_catalogue(catalogue.pk).filter(
        refsource_id=models.OuterRef("pk"), version=VERSION, n_changes=models.OuterRef("n_changes")
    )
    changed = GalCandidate.objects.filter(catalogue=catalogue, n_changes__gt=0)
    return changed.exclude(models.Exists(measured))


def changed_images(catalogue) -> dict[int, list[int]]:
    """{source: ids of the search images on which it changed}, the most significant first."""
    first, last = id_range(catalogue.pk)
    query = CHANGED.format(first=first, last=last, reference=catalogue.image_id)
    rows = copy_out(query, "i8,i8")
    images: dict[int, list[int]] = {}
    for pk, image_id in rows.tolist():
        images.setdefault(pk, []).append(image_id)
    return images


def shapes_at(candidate, stamp: ChangeStamp) -> np.ndarray:
    """(n_shapes,) SHAPES at a candidate's place, of a ChangeStamp about its nearest pixel."""
    off = candidate.x - round(candidate.x), candidate.y - round(candidate.y)
    return change_shapes(Differences([stamp]), *off)[0]


def shape_row(candidate, found: list[np.ndarray], n_images: int) -> GalChangeShape:
    """The row of a candidate by its SHAPES, of ``n_images`` that were looked at.

    One of which none could be looked at, or that changed on its reference alone, has one as well.
    """
    shapes = np.reshape(found, (-1, len(SHAPES)))
    known = np.isfinite(shapes)
    with np.errstate(invalid="ignore"):
        means = np.where(known, shapes, 0).sum(axis=0) / known.sum(axis=0)
    return GalChangeShape(
        refsource_id=candidate.pk,
        shown_share=len(shapes) / n_images if n_images else np.nan,
        n_images=n_images,
        n_changes=candidate.n_changes,
        version=VERSION,
        **dict(zip(SHAPES, means.tolist(), strict=True)),
    )


def replace_shapes(catalogue, rows: list[GalChangeShape]) -> None:
    """Replace the rows of candidates by others; nothing is stored where the catalogue is gone."""
    with transaction.atomic():
        if lock_against_drop(catalogue):
            GalChangeShape.objects.filter(pk__in=[row.pk for row in rows]).delete()
            GalChangeShape.objects.bulk_create(rows, batch_size=1000)


def delete_shapes(catalogue) -> None:
    """Delete the shapes of the changes of a catalogue's candidates."""
    GalChangeShape.objects.in_catalogue(catalogue.pk).delete()
