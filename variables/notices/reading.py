"""Notices read, marked as read, and how each kind is told."""

from django.db import transaction
from django.utils import timezone

from exposures.keyset import newest
from variables.models import GalNotice, GalNoticeChoice, GalWatch, NoticeKind
from variables.models.notices import MOST_COUNTED, Told
from variables.votes.blindness import note_shown

LATEST = 5  # on the first page
# Each watch says itself how it is told.
CHOSEN = tuple(kind for kind in NoticeKind if kind != NoticeKind.WATCH)


def unread_count(user) -> int:
    """How many notices a user has not read, up to MOST_COUNTED."""
    return GalNotice.objects.visible_to(user).unread().order_by()[:MOST_COUNTED].count()


def page_of_notices(user, before=None):
    """A user's newest notices before an id, and where the next page begins; None on the last."""
    rows, beyond = newest(GalNotice.objects.visible_to(user).with_people(), before)
    return _shown(rows, user), beyond


def latest_unread(user) -> list[GalNotice]:
    """The newest that a user has not read."""
    unread = GalNotice.objects.visible_to(user).unread().with_people()
    return _shown(unread.order_by("-pk")[:LATEST], user)


def _shown(rows, user):
    """The notices, with a record that the user was shown what others say of their candidates."""
    rows = list(rows)
    if ids := {row.refsource_id for row in rows} - {None}:
        note_shown(user, ids)
    return rows


def mark_read(user, pk=None, up_to=None) -> int:
    """Mark one of a user's notices as read, or all visible ones up to an id; returns how many."""
    unread = GalNotice.objects.visible_to(user).unread()
    chosen = unread.filter(pk=pk) if pk is not None else unread.filter(pk__lte=up_to)
    return chosen.update(read=timezone.now())


def choices_of(user) -> dict[str, str]:
    """{NoticeKind: Told} as a user has chosen."""
    chosen = dict(user.notice_choices.values_list("kind", "told"))
    return {kind: chosen.get(kind, Told.PAGE) for kind in CHOSEN}


@transaction.atomic
def choose(user, told: dict[str, str]):
    """Have kinds of notices told as a user wants; those that wait to be mailed follow."""
    for kind, how in told.items():
        GalNoticeChoice.objects.update_or_create(user=user, kind=kind, defaults={"told": how})
        tell_waiting(GalNotice.objects.filter(user=user, kind=kind), how)


def tell_waiting(notices, how: str):
    """Have notices that wait to be mailed told as somebody wants by now."""
    waiting = notices.filter(mailed=None).exclude(mail="")
    waiting.update(mail="" if how == Told.PAGE else how)


@transaction.atomic
def unsubscribe(user):
    """Mail a user nothing any more."""
    choose(user, dict.fromkeys(CHOSEN, Told.PAGE))
    GalWatch.objects.filter(user=user).update(told=Told.PAGE)
    tell_waiting(GalNotice.objects.filter(user=user, kind=NoticeKind.WATCH), Told.PAGE)
