"""The cross-matching of objects after references were made, replaced or withdrawn."""

from collections.abc import Iterable

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalExposure, GalJob
from exposures.steps import LogStep
from galproject.configuration.loading import load_options
from photometry.crossmatch.crossmatching import crossmatch_filters


def crossmatch_job(job: GalJob) -> None:
    """Cross-match the sources on the references of a finished job, and log it."""
    images = job.images.filter(is_reference=True, catalogues__active=True)
    crossmatch_around(images.values_list("pk", flat=True), job)


def crossmatch_around(image_ids: Iterable[int], about: GalJob | GalExposure) -> None:
    """Cross-match the sources on images, with a line in the log of a job or an exposure.

    If it fails, objects stay as they were for a later pass; the references themselves are stored.
    """
    image_ids = list(image_ids)
    if not image_ids:
        return
    try:
        counts = crossmatch_filters(image_ids, load_options().crossmatch)
    except GalprojectError as error:
        level = GalCheckpoint.Level.WARNING
        GalCheckpoint.objects.note(about, LogStep.CROSS_MATCHED, str(error), level=level)
        return
    n_stars = counts.n_one_to_one + counts.n_doubtful
    note = f"{n_stars:,} stars in several filters, {counts.n_blends:,} blends"
    GalCheckpoint.objects.note(about, LogStep.CROSS_MATCHED, note, value=counts.n_sources)
