"""The progress of a campaign, the classes it found, and how well its voters agree."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from exposures.binary_copy import copy_out
from variables.models import GalDecision, TaxonomyClass
from variables.models.vetting import votes_given
from variables.science.agreement import fleiss_kappa, pairwise_agreement
from variables.vetting.campaigns import vetted_again

RATE_OVER = timedelta(hours=1)
# Each candidate by its key, in order: the planner would read all of the survey's.
OUTCOME = """
SELECT c.consensus_id, c.is_disputed, c.is_flagged, count(*)
FROM (
    SELECT refsource_id FROM galcampaignobjects WHERE campaign_id = %(campaign)s
    ORDER BY refsource_id OFFSET 0
) o
CROSS JOIN LATERAL (
    SELECT consensus_id, is_disputed, is_flagged FROM galcandidates
    WHERE refsource_id = o.refsource_id OFFSET 0
) c
WHERE o.refsource_id NOT IN (SELECT unnest(%(again)s::bigint[]))
GROUP BY 1, 2, 3
"""
VOTES = """
SELECT d.refsource_id, d.user_id::bigint, d.choice_id::bigint, d.id FROM galdecisions d
WHERE d.campaign_id = {campaign} AND d.action = 'vote'
    AND NOT EXISTS (SELECT FROM galdecisions u WHERE u.undoes_id = d.id)
"""
VOTE_DTYPE = np.dtype([(name, "i8") for name in ("refsource_id", "user", "choice", "id")])


@dataclass(frozen=True)
class Progress:
    """The progress of a campaign."""

    n_objects: int
    n_done: int  # with as many votes as are wanted
    n_votes: int  # of those that are wanted
    n_votes_wanted: int
    per_hour: int  # votes in the last hour
    end: datetime | None  # at this rate; None if nothing goes on

    @property
    def percent(self) -> float:
        return 100 * self.n_votes / max(self.n_votes_wanted, 1)


def progress_of(campaign) -> Progress:
    """Count the Progress of a campaign with two queries."""
    counts = campaign.objects_in.aggregate(
        n=Count("pk"),
        done=Count("pk", filter=Q(n_votes__gte=F("campaign__votes_wanted"))),
        votes=votes_given(),
    )
    now = timezone.now()
    votes = GalDecision.objects.votes_standing().filter(campaign=campaign)
    per_hour = votes.filter(time__gt=now - RATE_OVER).count()
    n_votes, wanted = counts["votes"] or 0, counts["n"] * campaign.votes_wanted
    left = wanted - n_votes
    end = now + RATE_OVER * left / per_hour if per_hour and left and not campaign.closed else None
    return Progress(counts["n"], counts["done"], n_votes, wanted, per_hour, end)


@dataclass(frozen=True)
class Found:
    """A class and the number of candidates agreed to belong to it."""

    choice: TaxonomyClass
    n: int
    percent: float  # of the most frequent


@dataclass(frozen=True)
class Outcome:
    """What came of a campaign, and what is left to do."""

    found: list[Found]  # most frequent first
    n_disputed: int
    n_artifacts: int  # agreed, and not yet hidden by a flag
    n_vetted_again: int  # in an open campaign: they are not among the others


def outcome_of(campaign) -> Outcome:
    """Count the Outcome of a campaign, of candidates that still exist."""
    again = vetted_again(campaign).order_by().distinct()
    again = list(again.values_list("refsource_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(OUTCOME, {"campaign": campaign.pk, "again": again})
        rows = cursor.fetchall()
    agreed = Counter()
    for consensus, _, _, n in rows:
        agreed[consensus] += n
    del agreed[None]
    classes = {one.pk: one for one in _classes(agreed)}
    most = max(agreed.values(), default=1)
    found = [Found(one, agreed[pk], 100 * agreed[pk] / most) for pk, one in classes.items()]
    artifacts = {pk for pk, one in classes.items() if one.kind == TaxonomyClass.Kind.ARTIFACT}
    return Outcome(
        found=sorted(found, key=lambda one: (-one.n, one.choice.order)),
        n_disputed=sum(n for _, is_disputed, _, n in rows if is_disputed),
        n_artifacts=sum(n for pk, _, is_flagged, n in rows if pk in artifacts and not is_flagged),
        n_vetted_again=len(again),
    )


def _classes(ids):
    return TaxonomyClass.objects.filter(pk__in=ids).select_related("parent")


@dataclass(frozen=True)
class Voter:
    """One person's votes in a campaign, counted."""

    name: str
    n_votes: int
    n_gold: int
    n_gold_right: int


@dataclass(frozen=True)
class VoterAgreement:
    """Agreement among the voters of a campaign."""

    kappa: float  # Fleiss's; NaN where nothing has two votes
    pairs: tuple  # (name, name, objects in common, share alike, Cohen's kappa)
    voters: tuple[Voter, ...]


def agreement_of(campaign) -> VoterAgreement:
    """Agreement among a campaign's voters on classes, ignoring subtypes."""
    ids, classes = _class_numbers()
    votes = _last_votes(campaign)
    users = dict(User.objects.filter(pk__in=np.unique(votes["user"])).values_list("pk", "username"))
    in_order = sorted(users, key=users.get)
    names = [users[user] for user in in_order]
    place = {user: number for number, user in enumerate(in_order)}
    person = _numbers(votes["user"], place)
    choice = classes[np.searchsorted(ids, votes["choice"])]
    _, item = np.unique(votes["refsource_id"], return_inverse=True)
    known = campaign.objects_in.exclude(gold=None).order_by("refsource_id")
    gold = np.array(list(known.values_list("refsource_id", "gold")), "i8").reshape(-1, 2)
    at = np.searchsorted(gold[:, 0], votes["refsource_id"]).clip(max=max(len(gold) - 1, 0))
    is_gold = np.isin(votes["refsource_id"], gold[:, 0])
    answers = classes[np.searchsorted(ids, gold[:, 1])]
    is_right = is_gold.copy()
    is_right[is_gold] = choice[is_gold] == answers[at[is_gold]]
    counts = (
        np.bincount(person[some], minlength=len(names)).tolist()
        for some in (slice(None), is_gold, is_right)
    )
    return VoterAgreement(
        kappa=fleiss_kappa(item, choice),
        pairs=tuple(
            (names[a], names[b], pair.n, pair.share, pair.kappa)
            for (a, b), pair in pairwise_agreement(item, person, choice).items()
        ),
        voters=tuple(map(Voter, names, *counts)),
    )


def _class_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Ids (n,) of classes, in order, and numbers (n,) that their subtypes share with them."""
    slugs = TaxonomyClass.objects.values_list("pk", Coalesce("parent__slug", "slug"))
    ids, names = zip(*sorted(slugs), strict=True)
    return np.array(ids), np.unique(names, return_inverse=True)[1]


def _numbers(values, numbers):
    """Values (n,) replaced by their numbers."""
    different, at = np.unique(values, return_inverse=True)
    return np.array([numbers[value] for value in different.tolist()], int)[at]


def _last_votes(campaign) -> np.ndarray:
    """VOTE_DTYPE of each person's last vote on each candidate that was not undone."""
    votes = copy_out(VOTES.format(campaign=int(campaign.pk)), VOTE_DTYPE)
    votes = votes[np.lexsort((votes["id"], votes["user"], votes["refsource_id"]))]
    is_last = np.ones(len(votes), bool)
    same = [votes[name][1:] == votes[name][:-1] for name in ("refsource_id", "user")]
    is_last[:-1] = ~np.logical_and(*same)
    return votes[is_last]
