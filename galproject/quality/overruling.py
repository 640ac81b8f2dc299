"""People's decisions on an image's quality, with all that follows in one transaction."""

from django.db import transaction
from django.db.models import F

from exposures.doubts import Doubt, GalQualityDecision
from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalImage, Status
from exposures.steps import LogStep
from galproject.configuration.stored import options_of
from galproject.quality.judging import is_on_doubted_reference, settle
from photometry.models import GalCoverage
from photometry.references.reference_sets import lock_catalogues
from variables.derived.refresh import refresh_candidates
from variables.models import Cut
from variables.new_sources.association import lock_new_sources, renew_new_detections

Verdict = GalQualityDecision.Verdict


@transaction.atomic
def overrule(image, verdict, user, reason) -> GalImage:
    """Record a decision on an image's quality, and count its changes accordingly.

    For a reference, the changes of images measured with it are counted accordingly, too. A failed
    chip stays failed until it is processed again. Images are locked, so that nobody stores one
    meanwhile. Returns the updated image. Raises GalprojectError without a reason.
    """
    if not reason.strip():
        raise GalprojectError(f"{image}: say why. People who come later want to know")
    images = GalImage.objects.filter(pk__in=[image.pk, *_measured_with(image)])
    lock_new_sources(images)
    lock_catalogues(_catalogues_of(images))
    rows = _locked(images)
    image = rows.pop(image.pk)
    GalQualityDecision.objects.create(
        image=image, verdict=verdict, user=user, reason=reason.strip()
    )
    note = f"{GalQualityDecision.Verdict(verdict).label}, says {user}: {reason.strip()}"
    GalCheckpoint.objects.note(image, LogStep.QUALITY, note)
    # It first: the others' doubts follow from it.
    changed = [row for row in (image, *rows.values()) if _settle(row)]
    if changed:
        refresh_candidates(_catalogues_of(changed))
    return image


def _measured_with(image):
    """Ids of the search images measured with an image's catalogue."""
    if not image.is_reference:
        return []
    coverages = GalCoverage.objects.filter(catalogue__image=image, catalogue__active=True)
    return list(coverages.values_list("image_id", flat=True))


def _catalogues_of(images):
    """Ids of the catalogues measured on images, or made from them."""
    images = [image.pk for image in images]
    covered = GalCoverage.objects.filter(image__in=images).values_list("catalogue_id", flat=True)
    own = GalImage.objects.filter(pk__in=images, catalogues__active=True)
    return {*covered, *own.values_list("catalogues", flat=True)}


def _locked(images):
    """Lock the images until the transaction ends, by id."""
    locked = images.select_for_update(of=["self"], no_key=True).order_by("pk")
    return {image.pk: image for image in locked.select_related("exposure")}


def _settle(image) -> bool:
    """Update an image's doubt and changes; returns whether anything changed."""
    before = image.is_doubted
    if image.status != Status.DONE:
        return False
    if not image.is_reference:
        own = [name for name in image.doubts if name != Doubt.REFERENCE]
        is_on_doubted = is_on_doubted_reference(image)
        image.doubts = [*own, *([Doubt.REFERENCE.value] if is_on_doubted else [])]
    settle(image)
    image.save(update_fields=["doubts", "is_doubted"])
    if image.is_doubted == before:
        return False
    bits = F("failed_cuts")
    bit = int(Cut.DOUBTED_IMAGE)
    bits = bits.bitor(bit) if image.is_doubted else bits.bitand(~bit)
    image.variables.update(failed_cuts=bits)
    image.new_detections.update(failed_cuts=bits)
    renew_new_detections(image, options_of(image).new_sources)
    if not image.is_reference:
        image.n_variables = image.variables.of_reference().filter(failed_cuts=0).count()
        image.save(update_fields=["n_variables"])
    return True
