"""Notices written where something changes, in the transaction of the change."""

from collections.abc import Iterable, Mapping

from django.contrib.auth import get_user_model
from django.utils import timezone

from variables.models import Campaign, GalDecision, GalNotice, GalNoticeChoice, NoticeKind
from variables.models.notices import Told

MAX_TEXT = 200
VIEW = "exposures.view_survey"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def who_may_see():
    """Active users who may see the survey, and with it every candidate."""
    return get_user_model().objects.with_perm(VIEW, backend=BACKEND)


def tell(kinds: Mapping[int, str], **columns) -> int:
    """Write a notice for each user of {user id: NoticeKind}; returns how many.

    Only for active users who may see the survey; ``columns`` are the same of all.
    """
    there = set(who_may_see().filter(pk__in=kinds).values_list("pk", flat=True)) if kinds else ()
    if not there:
        return 0
    chosen = GalNoticeChoice.objects.filter(user__in=there).exclude(told=Told.PAGE)
    mail = {(user, kind): told for user, kind, told in chosen.values_list("user", "kind", "told")}
    now = timezone.now()
    rows = [
        GalNotice(user_id=pk, kind=kind, time=now, mail=mail.get((pk, kind), ""), **columns)
        for pk, kind in kinds.items()
        if pk in there
    ]
    return len(GalNotice.objects.bulk_create(rows))


def tell_asked(campaign, user_ids: Iterable[int]):
    """Tell people that they were asked into a campaign, but for who made it."""
    kinds = {pk: NoticeKind.BEGINS for pk in user_ids if pk != campaign.created_by_id}
    tell(kinds, actor_id=campaign.created_by_id, campaign=campaign)


def tell_ended(campaign: Campaign, by=None):
    """Tell members of a campaign, and who voted in it, that it was closed."""
    voters = GalDecision.objects.votes_standing().filter(campaign=campaign)
    concerned = {*voters.values_list("user", flat=True).distinct(), *campaign.member_ids}
    concerned.discard(by and by.pk)
    tell(dict.fromkeys(concerned, NoticeKind.ENDS), actor=by, campaign=campaign)


def tell_failed(job, text):
    """Tell who asked for a job that chips of it failed; nobody where it was no user."""
    people = get_user_model().objects.filter(username=job.requested_by)
    asked = people.values_list("pk", flat=True) if job.requested_by else ()
    tell(dict.fromkeys(asked, NoticeKind.FAILED), job=job, text=text[:MAX_TEXT])
