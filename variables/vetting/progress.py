"""The progress of a campaign, the classes it found, and how well its voters agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from variables.models import GalDecision, TaxonomyClass
from variables.models.vetting import votes_given
from variables.science.consensus import fleiss_kappa, pairwise_agreement
from variables.vetting.campaigns import candidates_left_in

RATE_OVER = timedelta(hours=1)


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


def classes_found(campaign) -> list[Found]:
    """The agreed classes of a campaign's candidates, most frequent first."""
    agreed = candidates_left_in(campaign).exclude(consensus=None).order_by()
    counts = dict(agreed.values("consensus").annotate(n=Count("pk")).values_list("consensus", "n"))
    classes = TaxonomyClass.objects.filter(pk__in=counts).select_related("parent")
    most = max(counts.values(), default=1)
    found = [Found(one, counts[one.pk], 100 * counts[one.pk] / most) for one in classes]
    return sorted(found, key=lambda one: (-one.n, one.choice.order))


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
    slugs = dict(TaxonomyClass.objects.values_list("pk", Coalesce("parent__slug", "slug")))
    known = campaign.objects_in.exclude(gold=None).values_list("refsource_id", "gold")
    gold = {pk: slugs[choice] for pk, choice in known}
    votes = _votes(campaign, slugs)
    ballots = {}
    for own in votes.values():
        for pk, slug in own.items():
            ballots.setdefault(pk, []).append(slug)
    pairs = pairwise_agreement(votes)
    return VoterAgreement(
        kappa=fleiss_kappa(ballots.values()),
        pairs=tuple((a, b, *figures) for (a, b), figures in pairs.items()),
        voters=tuple(_voter(name, own, gold) for name, own in sorted(votes.items())),
    )


def _votes(campaign, slugs):
    """{person: {refsource_id: class}} from each person's last vote that was not undone."""
    by_user = {}
    rows = GalDecision.objects.votes_standing().filter(campaign=campaign).order_by("pk")
    for pk, user, choice in rows.values_list("refsource_id", "user", "choice"):
        by_user.setdefault(user, {})[pk] = slugs[choice]
    names = User.objects.in_bulk(by_user)
    return {names[user].get_username(): own for user, own in by_user.items()}


def _voter(name, votes, gold):
    judged = votes.keys() & gold.keys()
    return Voter(name, len(votes), len(judged), sum(votes[k] == gold[k] for k in judged))
