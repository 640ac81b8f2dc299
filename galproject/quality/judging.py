"""Judgement of an image by its figures of quality."""

import math

import numpy as np
from django.db.models import FloatField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from exposures.doubts import Doubt, GalQualityDecision
from exposures.errors import InputFileError
from exposures.models import GalCheckpoint, GalImage
from exposures.steps import LogStep
from photometry.reduction.image_quality import changed_share, depth_loss
from photometry.science.quality.image_quality import FIGURES, beyond

Verdict = GalQualityDecision.Verdict
# The largest that is stored: JSON has no infinity.
LARGEST = 1e6
# Figures beyond which a chip is not of the stars that it was compared with: what is wrong, and
# what to do.
LOOK_AT_THE_WCS = (
    "Look whether the image is of this field, and not mirrored, turned or negative, and solve its "
    "astrometry again"
)
OF_ANOTHER_SKY = {
    "registered_share": ("its stars are not those of the reference", LOOK_AT_THE_WCS),
    "catalogue_share": ("its stars are not those of the catalogue", LOOK_AT_THE_WCS),
}
CHANGE = "zero_point_change"  # of an image against its reference, for those that come after it


class QualityError(InputFileError):
    """A chip with figures beyond the limits of failure; ``figures`` are {name: value}."""

    def __init__(self, chip, figures, excesses):
        self.figures = figures
        told = ", ".join(map(str, excesses))
        name = next((e.name for e in excesses if e.name in OF_ANOTHER_SKY), excesses[0].name)
        problem, advice = OF_ANOTHER_SKY.get(
            name,
            ("its quality is beyond the limits", "Look at the image, and leave it out"),
        )
        super().__init__(
            chip.path,
            f"{problem}: {told}",
            f"{advice}. If it is good, accept it on its page, or "
            f"{'lower' if FIGURES[name].is_least else 'raise'} the limit (quality.fail.{name}), "
            "and process it again",
            hdu=chip.name,
        )


def judge_reference(image, chip, figures, options):
    """Fill in the ``figures`` of a reference image, and the doubts that follow.

    Raises QualityError if a figure is beyond its limit of failure, or if it is doubted and doubted
    references are refused.
    """
    _judge(image, chip, figures, options)
    if image.is_doubted and options.refuse_doubted_references and not _is_accepted(image):
        raise QualityError(chip, image.figures, beyond(figures, options.doubt))


def judge_search(image, chip, figures, changes, options):
    """Fill in the ``figures`` of a search image, and the doubts that follow.

    Figures that need other images, and the share of ``changes`` among ``image.n_sources``, are
    added here. Raises QualityError if a figure is beyond its limit of failure.
    """
    figures = dict(figures) | _against_others(image, figures, options.measure)
    figures["changed_share"] = changed_share(changes, image.n_sources, options.measure)
    _judge(image, chip, figures, options)


def _judge(image, chip, figures, options):
    image.figures = {name: _storable(value) for name, value in figures.items()}
    failures = beyond(figures, options.fail)
    if failures and not _is_accepted(image):
        raise QualityError(chip, image.figures, failures)
    found = beyond(figures, options.doubt)
    image.doubts = [excess.name for excess in found]
    if is_on_doubted_reference(image):
        image.doubts.append(Doubt.REFERENCE.value)
    settle(image)
    if image.doubts:
        why = [str(excess) for excess in found]
        if Doubt.REFERENCE in image.doubts:
            why.append(Doubt.REFERENCE.label)
        image.notes.append(f"doubted: {', '.join(why)}")
        warning = GalCheckpoint.Level.WARNING
        note = "; ".join([*why, _consequence(image)])
        GalCheckpoint.objects.note(image, LogStep.DOUBTED, note, level=warning)


def _consequence(image):
    if not image.is_doubted:
        return "accepted all the same, as somebody decided"
    if image.is_reference:
        return "changes of images that are measured with it are not counted"
    return "its changes are not counted"


def settle(image):
    """Set whether an image is doubted, by its doubts and people's latest decision."""
    verdict = image.verdict()
    image.is_doubted = verdict == Verdict.DOUBTED or (
        bool(image.doubts) and verdict != Verdict.ACCEPTED
    )


def _is_accepted(image):
    return image.verdict() == Verdict.ACCEPTED


def is_on_doubted_reference(image) -> bool:
    """Whether a search image was measured with a doubted reference."""
    if image.is_reference:
        return False
    return GalImage.objects.filter(
        catalogues__active=True, catalogues__coverages__image=image, is_doubted=True
    ).exists()


def _storable(value):
    """A figure for JSON: None if unknown."""
    if isinstance(value, int | np.integer):
        return int(value)
    return None if math.isnan(value) else min(float(value), LARGEST)


def _against_others(image, figures, options):
    """Figures of a search image relative to its reference and to similar images."""
    own, reference = figures["brought_zero_point"], image.reference
    change = _a_second(own, image) - _a_second(reference.zero_point, reference)
    found = {CHANGE: change, "depth_loss": depth_loss(image, reference, own)}
    others = _changes(GalImage.objects.filter(reference=reference).exclude(pk=image.pk))
    # The reference is an epoch, too, whose change is none.
    found["zero_point_offset"] = abs(change - np.median([0.0, *others]))
    chips = _changes(GalImage.objects.filter(exposure=image.exposure_id).exclude(pk=image.pk))
    if len(chips) >= options.min_images:
        found["zero_point_on_chips"] = abs(change - np.median(chips))
    return found


def _a_second(zero_point, image):
    """The magnitude of 1 ADU a second."""
    return zero_point - 2.5 * math.log10(image.exposure.exposure_seconds)


def _changes(images):
    """Changes of the zero points of search images that were measured."""
    known = images.done().filter(is_reference=False, **{f"figures__{CHANGE}__isnull": False})
    known = known.annotate(change=Cast(KT(f"figures__{CHANGE}"), FloatField()))
    return list(known.values_list("change", flat=True))
