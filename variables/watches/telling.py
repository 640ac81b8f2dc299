"""What is new in watched searches: found among candidates that changed, and told once."""

import logging
from collections import Counter
from collections.abc import Iterable

from django.db import DataError, transaction
from django.utils import timezone

from exposures.locks import Claimed, claim
from variables.models import (
    CandidateBefore,
    GalNotice,
    GalWatch,
    GalWatchNews,
    NoticeKind,
    TaxonomyClass,
)
from variables.models.notices import Told
from variables.notices.writing import who_may_see
from variables.science.varying_more import varies_more
from variables.watches.journal import Changed, amplitudes, take_changed
from variables.watches.searching import WatchedFilter

logger = logging.getLogger(__name__)
Kind = GalWatchNews.Kind
MOST_BATCHES = 10  # of one run: what is left is told by the next
MOST_NEWS = 500  # of one watch in one batch
WORDS = {Kind.NEW: "new", Kind.CLASS: "of another class", Kind.MORE: "varying by more"}


def tell_watches() -> int:
    """Tell watches of candidates that changed since the last time; returns how much was told.

    One process at a time; another one that comes meanwhile leaves it to that. Each batch is a
    transaction, in which candidates are taken off the journal and what is told of them is written.
    """
    n_told = 0
    with claim(Claimed.NEWS, 0) as is_mine:
        if not is_mine:
            return 0
        n_told += _tell_held_back()
        for _ in range(MOST_BATCHES):
            if not CandidateBefore.objects.exists():
                break
            n_told += _tell_batch()
    return n_told


def _watches():
    watches = GalWatch.objects.going_on().filter(user__in=who_may_see())
    return watches.select_related("user", "search")


@transaction.atomic
def _tell_held_back():
    """Tell what was blind to owners of watches, and is no longer."""
    held = GalWatchNews.objects.filter(is_held_back=True)
    watches = _watches().filter(pk__in=held.values("watch"))
    return sum(_tell_what_is_not_blind(watch) for watch in watches.order_by("pk"))


@transaction.atomic
def _tell_batch():
    watches = _watches()
    n_told = 0
    with take_changed() as changed:
        for watch in watches.order_by("pk"):
            try:
                with transaction.atomic():
                    n_told += len(_tell(watch, _news_of(watch, changed)))
            except DataError as error:
                # Of this search alone: others go on, and it is asked again with the next changes.
                logger.error("the watch %s of %s can't be told: %s", watch.pk, watch.user, error)
    return n_told


def _news_of(watch: GalWatch, changed: Changed) -> list[GalWatchNews]:
    """What is new in a watched search, each candidate once for each kind of news."""
    of_search = WatchedFilter(watch)
    rows = of_search.qs
    before, now = changed.ids_before(rows), changed.ids_now(rows)
    if not before and not now:
        return []
    new = _own(changed, now) - before
    if of_search.is_by_star:
        were = [changed.candidates[pk] for pk in before]
        seen = {c.star for c in were} | {c.star_before for c in were}
        new = {pk for pk in new if changed.candidates[pk].star not in seen}
    news = [GalWatchNews(refsource_id=pk, kind=Kind.NEW) for pk in sorted(new)]
    others = [changed.candidates[pk] for pk in sorted(_own(changed, before | now) - new)]
    news += _of_classes(others) + _of_amplitudes([c for c in others if c.pk in now])
    for one in news[:MOST_NEWS]:
        one.watch = watch
        one.tells_opinion = one.kind == Kind.CLASS or of_search.asks_opinions
    return news[:MOST_NEWS]


def _own(changed, ids):
    """Those of some ids that are of candidates that changed themselves."""
    return {pk for pk in ids if changed.candidates[pk].is_changed}


def _of_classes(candidates):
    other = [c for c in candidates if c.was_there and c.class_now != c.class_before]
    labels = {None: "none", **TaxonomyClass.objects.in_bulk({c.class_now for c in other} - {None})}
    return [
        GalWatchNews(refsource_id=c.pk, kind=Kind.CLASS, text=str(labels[c.class_now])[:200])
        for c in other
    ]


def _of_amplitudes(candidates):
    told = {}
    for of, words in (("excess", "scatter"), ("largest", "change")):
        before, now = amplitudes(candidates, of)
        for place in varies_more(before, now).nonzero()[0]:
            said = f"{words} {abs(before[place]):.2f} → {abs(now[place]):.2f} mag"
            told[candidates[place].pk] = said
    return [
        GalWatchNews(refsource_id=pk, kind=Kind.MORE, text=text)
        for pk, text in sorted(told.items())
    ]


def _tell(watch, news: list[GalWatchNews]) -> list[GalWatchNews]:
    """Write news of a watch, and a notice of what its owner may see of it."""
    if not news:
        return []
    now = timezone.now()
    for one in news:
        one.time = now
        one.is_held_back = True  # until it is seen that its owner may know of it
    written = GalWatchNews.objects.bulk_create(news)
    _tell_what_is_not_blind(watch)
    return written


def _tell_what_is_not_blind(watch) -> int:
    """Write a notice of news of a watch that are held back, as far as its owner may see them."""
    held = GalWatchNews.objects.visible_to(watch.user).filter(watch=watch, is_held_back=True)
    ids = list(held.order_by("pk").values_list("pk", flat=True)[:MOST_NEWS])
    if ids:
        notice = _notice_of(watch, timezone.now())
        GalWatchNews.objects.filter(pk__in=ids).update(notice=notice, is_held_back=False)
        notice.text = in_words(notice.news.values_list("kind", flat=True))
        notice.save(update_fields=["text", "time"])
    return len(ids)


def _notice_of(watch, now):
    """The notice of a watch that was neither seen nor mailed yet, or a new one."""
    waiting = GalNotice.objects.filter(watch=watch, read=None, mailed=None, tries=0)
    notice = waiting.select_for_update(no_key=True).first()
    if notice is None:
        mail = "" if watch.told == Told.PAGE else watch.told
        columns = {"user_id": watch.user_id, "kind": NoticeKind.WATCH, "watch": watch}
        return GalNotice.objects.create(time=now, mail=mail, **columns)
    notice.time = now
    return notice


def in_words(kinds: Iterable[str]) -> str:
    """How many there are of each kind of news: "3 new, 1 of another class"."""
    counts = Counter(kinds)
    return ", ".join(f"{counts[kind]} {words}" for kind, words in WORDS.items() if counts[kind])
