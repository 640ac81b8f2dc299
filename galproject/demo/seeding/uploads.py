"""A list that somebody uploaded to a made-up survey: places of candidates, and one of none."""

from django.contrib.auth import get_user_model

from variables.models import GalCandidate, UploadedList
from variables.uploads.lines import entries_of
from variables.uploads.matching import keep_list

NAME = "Variables of a paper"
N_STARS, RADIUS_ARCSEC = 12, 1.0


def make_upload() -> bool:
    """Keep the list, of the curator's, if it is missing; whether it was made."""
    curator = get_user_model().objects.get(username="curator")
    if UploadedList.objects.filter(name=NAME).exists():
        return False
    places = GalCandidate.objects.order_by("pk").values_list("ra", "dec")[:N_STARS]
    rows = [f"{ra:.6f},{dec:.6f}" for ra, dec in places]
    entries = entries_of("\n".join(["ra,dec", *rows, "0.0,-89.0"]))
    keep_list(curator, NAME, entries, RADIUS_ARCSEC)
    return True
