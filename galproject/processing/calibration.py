"""Absolute zero points of a field, fitted once its references are matched."""

from galproject.configuration.loading import load_options
from galproject.processing.matches import unmatched_references
from photometry.absolute.calibrating import Calibrated, calibrate_field, overdue_references
from photometry.crossmatch.crossmatching import fields_of
from photometry.models import GalReference


def calibrate_matched(reference_id: int, wait: bool = True) -> list[Calibrated]:
    """Calibrate the field of a reference by those that are matched; nothing where that is done.

    With ``wait`` neither while others are to be matched, so that a field whose references are
    matched one after the other is calibrated once, at the end. One that is never matched would hold
    up the others for ever: where nobody is about to match them, don't wait.
    """
    reference = GalReference.objects.filter(pk=reference_id, active=True).first()
    if reference is None:
        return []
    images = next(field for field in fields_of() if reference.image_id in field)
    if not overdue_references(images):
        return []
    around = GalReference.objects.filter(active=True, image__in=images).select_related("image")
    if wait and unmatched_references(around.order_by("pk")):
        return []
    return calibrate_field(images, load_options().absolute)


def uncalibrated_references() -> list[int]:
    """Of each field that is to be calibrated, the id of one of its references."""
    overdue = map(overdue_references, fields_of())
    return [references[0] for references in overdue if references]
