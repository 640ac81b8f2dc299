"""Leases, by which no two people vet the same candidate at once unless both votes are wanted."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from variables.models import CampaignObject, GalCandidate, GalDecision, GalUnblinding

Action = GalDecision.Action
LEASE = timedelta(minutes=15)


def objects_left(campaign, user, skipped=False):
    """The objects of a campaign that can still be leased to a user, in order.

    Gold objects are for everybody, and ``skipped`` includes those that the user skipped. Left out
    are candidates that no longer exist, since their reference was made again, and those on which
    the user may not vote after seeing others' votes.
    """
    actions = (Action.VOTE,) if skipped else (Action.VOTE, Action.SKIP)
    free = Q(leased_until=None) | Q(leased_until__lt=timezone.now()) | Q(leased_to=user)
    wanted = Q(n_votes__lt=campaign.votes_wanted) | Q(gold__isnull=False)
    there = Exists(GalCandidate.objects.filter(pk=OuterRef("refsource_id")))
    # A list, not a correlated search: planners take that for a join and loop over both sides.
    decided = campaign.decisions.filter(user=user, action__in=actions, undone_by=None)
    left = campaign.objects_in.filter(free, wanted, there)
    seen = GalUnblinding.objects.filter(user=user, time__gte=campaign.created)
    for those in (decided, seen):
        left = left.exclude(refsource_id__in=those.values("refsource_id"))
    return left.order_by("rank")


def lease_next(campaign, user, n, after=0, skipped=False) -> list[CampaignObject]:
    """Lease the next ``n`` objects of rank above ``after`` to a user, and renew other leases."""
    return lease(objects_left(campaign, user, skipped).filter(rank__gt=after), user, n)


@transaction.atomic
def lease(left, user, n=None) -> list[CampaignObject]:
    """Lease the first ``n`` objects of those ``left`` to a user, or all that nobody just takes."""
    chosen = list(left.select_for_update(skip_locked=True, no_key=True, of=["self"])[:n])
    CampaignObject.objects.filter(pk__in=[one.pk for one in chosen]).update(
        leased_to=user, leased_until=timezone.now() + LEASE
    )
    return chosen


def renew(campaign, user):
    """Extend all of a user's leases in a campaign by the full lease time."""
    leased = campaign.objects_in.filter(leased_to=user, leased_until__gt=timezone.now())
    return leased.update(leased_until=timezone.now() + LEASE)


def release_leases(campaign, user):
    """Release all of a user's leases in a campaign."""
    return campaign.objects_in.filter(leased_to=user).update(leased_to=None, leased_until=None)
