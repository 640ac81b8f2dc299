"""A watched search of a made-up survey, with news of some candidates."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from variables.models import GalCandidate, GalWatchNews, SavedSearch
from variables.models.notices import Told
from variables.watches.watching import watch

NAME, QUERY = "Changed by a magnitude", "change_min=1"
KINDS = (
    (GalWatchNews.Kind.NEW, ""),
    (GalWatchNews.Kind.MORE, "change 1.12 → 1.84 mag"),
    (GalWatchNews.Kind.NEW, ""),
)


def make_watch() -> bool:
    """Have the curator watch the search, if it is missing; whether it was made."""
    curator = get_user_model().objects.get(username="curator")
    if SavedSearch.objects.filter(user=curator, name=NAME).exists():
        return False
    search = SavedSearch.objects.create(user=curator, name=NAME, query=QUERY)
    made = watch(curator, search, Told.PAGE)
    found = GalCandidate.objects.accepted().changed_by(min=1).order_by("pk")
    news = [
        GalWatchNews(watch=made, refsource_id=pk, kind=kind, text=text, time=timezone.now())
        for pk, (kind, text) in zip(found.values_list("pk", flat=True), KINDS, strict=False)
    ]
    GalWatchNews.objects.bulk_create(news)
    return True
