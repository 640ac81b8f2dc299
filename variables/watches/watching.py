"""Watches of a person: made, changed, and what their pages and feeds show."""

import secrets
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.keyset import newest
from variables.models import (
    FeedKey,
    GalCandidate,
    GalNotice,
    GalWatch,
    GalWatchNews,
    SavedSearch,
)
from variables.notices.reading import tell_waiting
from variables.notices.writing import who_may_see
from variables.votes.blindness import note_shown
from variables.watches.searching import WatchedFilter

MOST_WATCHES = 50  # of one person: each is looked at for all that changes
MOST_IN_FEED = 100


class WatchError(GalprojectError):
    """A search that can't be watched."""


@dataclass(frozen=True)
class NewsRow:
    """News with the candidate as it is now; None where it is gone."""

    news: GalWatchNews
    candidate: GalCandidate | None


def watch(user, search: SavedSearch, told: str) -> GalWatch:
    """Watch a search for a user from now on, or tell it otherwise. Raises WatchError."""
    found = user.watches.filter(search=search).first()
    if found is not None:
        tell_otherwise(found, told)
        return found
    if user.watches.count() >= MOST_WATCHES:
        raise WatchError(f"Nobody watches more than {MOST_WATCHES} searches: end a watch first.")
    new = GalWatch(user=user, search=search, told=told)
    if not WatchedFilter(new).is_valid():
        raise WatchError(f"“{search}” asks for what makes no sense any more: save it anew first.")
    new.save()
    return new


@transaction.atomic
def tell_otherwise(watch: GalWatch, told: str):
    """Tell a watch otherwise, and what of it waits to be mailed."""
    watch.told = told
    watch.save(update_fields=["told"])
    tell_waiting(GalNotice.objects.filter(watch=watch), told)


def watches_of(user):
    """A user's watches, with the number of ``n_unseen`` news that they may see."""
    visible = GalWatchNews.objects.visible_to(user).order_by()
    unseen = visible.filter(watch=OuterRef("pk"), pk__gt=OuterRef("looked_at"))
    counted = unseen.values("watch").annotate(n=Count("pk")).values("n")
    return (
        user.watches.going_on()
        .select_related("search__user")
        .annotate(n_unseen=Coalesce(Subquery(counted), 0))
        .order_by("search__name", "pk")
    )


def searches_to_watch(user):
    """Saved searches that a user may watch, and doesn't yet."""
    return SavedSearch.objects.seen_by(user).exclude(watches__user=user).select_related("user")


def page_of_news(watch: GalWatch, before=None):
    """The newest news of a watch before an id, as NewsRows, and where the next page begins."""
    visible = GalWatchNews.objects.visible_to(watch.user).filter(watch=watch)
    rows, beyond = newest(visible, before)
    return shown(list(rows), watch.user), beyond


def news_for_feed(user, watch_id=None) -> list[NewsRow]:
    """The latest news of a user's watches, or of one."""
    visible = GalWatchNews.objects.visible_to(user).select_related("watch__search")
    if watch_id is not None:
        visible = visible.filter(watch=watch_id)
    return shown(list(visible.order_by("-pk")[:MOST_IN_FEED]), user)


def shown(rows: list[GalWatchNews], user) -> list[NewsRow]:
    """News with their candidates, with a record of what the user is shown of others' opinions."""
    if ids := {row.refsource_id for row in rows if row.tells_opinion}:
        note_shown(user, ids)
    candidates = GalCandidate.objects.in_bulk({row.refsource_id for row in rows})
    return [NewsRow(row, candidates.get(row.refsource_id)) for row in rows]


@transaction.atomic
def mark_seen(watch: GalWatch, up_to: int):
    """Have news of a watch count as seen up to an id, and its notices as read."""
    GalWatch.objects.filter(pk=watch.pk, looked_at__lt=up_to).update(looked_at=up_to)
    GalNotice.objects.filter(watch=watch).unread().update(read=timezone.now())


def feed_key(user) -> str:
    """The key in the addresses of a user's feeds, made when it is first asked for."""
    return FeedKey.objects.get_or_create(user=user, defaults={"key": _new_key()})[0].key


def renew_feed_key(user):
    """Give a user's feeds other addresses: those before open nothing any more."""
    FeedKey.objects.update_or_create(user=user, defaults={"key": _new_key()})


def user_of_feed(key: str):
    """Whose feeds a key opens, as long as they may see the survey; else None."""
    owner = FeedKey.objects.filter(key=key).values("user")
    users = get_user_model().objects.filter(pk__in=who_may_see().values("pk"))
    return users.filter(pk__in=owner).first()


def _new_key():
    return secrets.token_urlsafe(32)
