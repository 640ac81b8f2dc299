"""References made search images again, unless others depend on them."""

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint
from exposures.steps import LogStep
from galproject.processing.locking import one_change
from galproject.processing.storing import delete_results
from galproject.references.overlaps import count_stranded
from photometry.models import GalReference, GalReferenceSet
from photometry.storage.storage import DROP_LOCK_SECONDS, drop_catalogue, retire_catalogue
from variables.derived.stars import refresh_stars
from variables.models import CampaignObject, GalCandidate, GalDecision, GalFlag


def withdraw_references(images):
    """Make references search images; they and those measured with them are measured again.

    Their catalogues are dropped with all measurements of their sources; a catalogue with votes,
    campaigns or flags is retired and keeps its sources alone. Raises GalprojectError if search
    images would be left without a reference, or one of these is being processed.
    """
    images = [image for image in images if image.is_reference]
    check_withdrawal(images)
    for image in images:
        with one_change([image]):
            retired = retire_references([image])
        drop_catalogues(retired)


def retire_references(images) -> list[GalReference]:
    """Make references search images in the caller's transaction, which holds their claims.

    Returns the retired catalogues without votes, campaigns or flags, to be dropped once the
    transaction is committed.
    """
    retired = []
    for image in images:
        retired += image.catalogues.filter(active=True)
        retire_catalogue(image)
        image.refresh_from_db()
        GalReferenceSet.objects.filter(image=image).delete()
        image.is_reference, image.job = False, None
        delete_results(image)
    # Other sources of their stars are counted for these from now on.
    gone = GalCandidate.objects.filter(catalogue__in=retired, star_sources__gt=1)
    refresh_stars(list(gone.values_list("pk", flat=True)))
    return [catalogue for catalogue in retired if not _is_voted_on(catalogue)]


def drop_catalogues(catalogues, lock_seconds=DROP_LOCK_SECONDS):
    """Drop retired catalogues in a transaction each, so that nobody waits long.

    One that stays locked by readers for ``lock_seconds`` remains retired, which the log says.
    """
    for catalogue in catalogues:
        try:
            drop_catalogue(catalogue, lock_seconds)
        except GalprojectError as error:
            GalCheckpoint.objects.note(
                catalogue.image, LogStep.REFERENCE, str(error), level=GalCheckpoint.Level.WARNING
            )


def check_withdrawal(images, chosen=()):
    """Raise GalprojectError if search images would be left without a reference."""
    n_stranded = count_stranded([image.pk for image in images], [image.pk for image in chosen])
    if n_stranded:
        raise GalprojectError(
            f"{n_stranded} search images have no other reference. Choose another first, and have "
            "it processed; then make these search images"
        )


def _is_voted_on(catalogue):
    """Whether sources of a catalogue have votes, flags or campaigns."""
    annotations = (GalDecision, CampaignObject, GalFlag)
    within = {"refsource_id__range": catalogue.id_range}
    return any(model.objects.filter(**within).exists() for model in annotations)
