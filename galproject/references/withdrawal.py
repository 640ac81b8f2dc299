"""References made search images again, where nothing is left without a reference by it."""

from django.db import transaction
from django.db.models import Q

from exposures.claims import Claimed, claim
from exposures.errors import GalprojectError
from galproject.pipeline import forget
from galproject.references.overlaps import count_stranded
from photometry.models import GalReferenceSet
from photometry.storage import retire_catalogue
from variables.models import CampaignObject, GalDecision, GalFlag


def undesignate(images):
    """Make search images of references; they, and those measured with them, are to be measured.

    Their catalogues are removed with all that was measured of their sources; one that votes,
    campaigns or flags hang on is retired and stays, with its sources alone. Raises GalprojectError
    where search images would be left without a reference, or one of them is being worked on.
    """
    images = [image for image in images if image.is_reference]
    check_withdrawal(images)
    for image in images:
        with claim(Claimed.CHIP, image.pk) as is_mine, transaction.atomic():
            if not is_mine:
                raise GalprojectError(
                    f"{image} is being worked on as a reference, on {image.host}. Make it a "
                    "search image when that has ended"
                )
            retire_catalogue(image, drop=not _is_voted_on(image))
            image.refresh_from_db()
            GalReferenceSet.objects.filter(image=image).delete()
            image.is_reference, image.job = False, None
            forget(image)


def check_withdrawal(images, chosen=()):
    """Raise GalprojectError where images would be left without a reference, but for the chosen."""
    n_stranded = count_stranded([image.pk for image in images], [image.pk for image in chosen])
    if n_stranded:
        raise GalprojectError(
            f"{n_stranded} search images have no other reference. Choose another first, and have "
            "it processed; then make these search images"
        )


def _is_voted_on(image):
    """Whether people have said something of the sources of an image's catalogue."""
    ranges = Q()
    for catalogue in image.catalogues.filter(active=True):
        ranges |= Q(refsource_id__range=catalogue.id_range)
    said = (GalDecision, CampaignObject, GalFlag)
    return bool(ranges) and any(model.objects.filter(ranges).exists() for model in said)
