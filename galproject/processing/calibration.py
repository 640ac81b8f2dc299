"""Absolute zero points of a field, fitted once all of its references are matched."""

from galproject.configuration.loading import load_options
from galproject.processing.matches import unmatched_references
from photometry.absolute.calibrating import Calibrated, calibrate_field, overdue_references
from photometry.crossmatch.crossmatching import fields_of
from photometry.models import GalReference


def calibrate_matched(reference_id: int) -> list[Calibrated]:
    """Calibrate the field of a reference; nothing where that is done, or others are to be matched.

    So that a field whose references are matched one after the other is calibrated once, at the
    end.
    """
    reference = GalReference.objects.filter(pk=reference_id, active=True).first()
    if reference is None:
        return []
    images = next(field for field in fields_of() if reference.image_id in field)
    if not overdue_references(images):
        return []
    around = GalReference.objects.filter(active=True, image__in=images).select_related("image")
    if unmatched_references(around.order_by("pk")):
        return []
    return calibrate_field(images, load_options().absolute)


def uncalibrated_references() -> list[int]:
    """Of each field that is to be calibrated, the id of one of its references."""
    overdue = map(overdue_references, fields_of())
    return [references[0] for references in overdue if references]
