"""When objects are joined anew: after references were made, replaced or withdrawn."""

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint
from galproject.configuration.loading import load_options
from photometry.crossmatch.joins import join_filters


def join_job(job):
    """Join what lies on the references of a job that has ended; in the log of its exposure."""
    images = job.images.filter(is_reference=True, catalogues__active=True)
    join_around(images.values_list("pk", flat=True), job)


def join_around(image_ids, about):
    """Join what lies on images, and say so in the log of a job or an exposure.

    What fails stays as it was, for a later pass: the references themselves are stored.
    """
    image_ids = list(image_ids)
    if not image_ids:
        return
    try:
        joined = join_filters(image_ids, load_options().join)
    except GalprojectError as error:
        level = GalCheckpoint.Level.WARNING
        GalCheckpoint.objects.note(about, "joined", str(error), level=level)
        return
    n_stars = joined.n_one_to_one + joined.n_doubtful
    note = f"{n_stars:,} stars in several filters, {joined.n_blends:,} blends"
    GalCheckpoint.objects.note(about, "joined", note, value=joined.n_sources)
