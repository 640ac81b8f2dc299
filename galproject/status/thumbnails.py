"""Small pictures of exposures in lists: of the chip nearest to the middle of the camera."""

from collections.abc import Iterable

from django.db.models import F
from django.db.models.functions import Abs

from exposures.models import GalImage
from variables.pictures.paths import small_picture_url

MIDDLE = 31.5  # of DECam's numbers of chips, which grow from south to north


def thumbnails(exposure_ids: Iterable[int]) -> dict[int, str]:
    """{exposure: address of a small picture} of those that have one; one query."""
    done = GalImage.objects.done().filter(exposure__in=list(exposure_ids))
    by_place = done.alias(away=Abs(F("ccdnum") - MIDDLE)).order_by("exposure_id", "away", "ccdnum")
    middle = by_place.distinct("exposure_id").only("exposure_id")
    found = {image.exposure_id: small_picture_url(image) for image in middle}
    return {exposure: url for exposure, url in found.items() if url}
