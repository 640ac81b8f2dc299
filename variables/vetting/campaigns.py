"""Campaigns: frozen selections, their progress, their end, and what is disputed."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.db.models import Count, F, Q
from django.http import QueryDict
from django.utils import timezone

from exposures.errors import GalprojectError
from variables.candidates.filters import CandidateFilter
from variables.models import Campaign, CampaignObject, GalCandidate, GalDecision, Taxonomy
from variables.models.candidates import Cause
from variables.science.consensus import fleiss_kappa, pairwise_agreement
from variables.vetting.consensus import update_consensus

BATCH = 5000
RATE_OVER = timedelta(hours=1)
# Short enough for the name of a group: up to the explanation.
CAUSES = {value: label.partition(":")[0].partition(",")[0] for value, label in Cause.choices}


class CampaignError(GalprojectError):
    """A campaign that can't be made or changed."""


@dataclass(frozen=True)
class NewCampaign:
    """What a campaign is to be."""

    name: str
    query: str = ""  # of the list of candidates
    lane: str = ""  # "": by the evidence
    votes_wanted: int = 1
    n_gold: int = 0  # candidates with a known class mixed in
    members: tuple = ()  # nobody: everyone who may vote


@transaction.atomic
def create_campaign(new, user, request=None) -> Campaign:
    """Freeze a list of candidates as a campaign. Raises CampaignError where it has none."""
    if Campaign.objects.filter(name=new.name).exists():
        raise CampaignError(f"There is a campaign “{new.name}” already: choose another name")
    taxonomy = Taxonomy.objects.filter(is_current=True).first()
    if taxonomy is None:
        raise CampaignError("No taxonomy is current: choose one in the admin")
    chosen = CandidateFilter(QueryDict(new.query), request=request).qs
    return freeze(new, chosen, taxonomy, user)


def freeze(new, candidates, taxonomy, user) -> Campaign:
    """A campaign of a queryset of candidates, as it is now."""
    columns = ("pk", "cause", "catalogue_id", "ccdnum", "filter", "first_mjd", "n_detections")
    rows = list(candidates.order_by().values_list(*columns))
    if not rows:
        raise CampaignError("There is no candidate in that list: loosen its conditions")
    lane = new.lane or lane_for([row[-1] for row in rows])
    campaign = Campaign.objects.create(
        name=new.name,
        lane=lane,
        taxonomy=taxonomy,
        query=new.query,
        votes_wanted=new.votes_wanted,
        created_by=user,
    )
    campaign.members.set(new.members)
    order = _sheet_order if lane == Campaign.Lane.SHEET else _card_order
    ranked = [CampaignObject(refsource_id=r[0], group=_group(r)) for r in sorted(rows, key=order)]
    objects = _with_gold(ranked, _gold(new.n_gold, {row[0] for row in rows}))
    for rank, one in enumerate(objects, 1):
        one.campaign, one.rank = campaign, rank
    CampaignObject.objects.bulk_create(objects, batch_size=BATCH)
    return campaign


def lane_for(n_detections) -> str:
    """One-offs go to a contact sheet, what was detected repeatedly to cards."""
    many = np.mean(np.array(n_detections) > 1) > 0.5
    return Campaign.Lane.CARD if many else Campaign.Lane.SHEET


def _sheet_order(row):
    pk, cause, catalogue, _, _, first_mjd, _ = row
    return cause, catalogue, first_mjd or 0, pk


def _card_order(row):
    return -row[-1], row[0]


def _group(row):
    _, cause, _, ccdnum, name, first_mjd, _ = row
    return f"{CAUSES[cause]} · chip {ccdnum} in {name}" + (
        f" · MJD {first_mjd:.3f}" if first_mjd else ""
    )


def _gold(n, taken):
    """Candidates whose class people agree on, as objects with a known answer."""
    known = GalCandidate.objects.exclude(consensus=None).exclude(pk__in=taken).order_by("?")[:n]
    return [
        CampaignObject(refsource_id=c.pk, gold_id=c.consensus_id, group=_gold_group(c))
        for c in known
    ]


def _gold_group(c):
    return _group((c.pk, c.cause, c.catalogue_id, c.ccdnum, c.filter, c.first_mjd, c.n_detections))


def _with_gold(objects, gold):
    """The gold ones spread evenly among the others."""
    for k, one in enumerate(gold, 1):
        objects.insert(round(k * (len(objects) + 1) / (len(gold) + 1)), one)
    return objects


@transaction.atomic
def close(campaign):
    """End a campaign, and derive what it found; nobody votes in it any more."""
    Campaign.objects.filter(pk=campaign.pk, closed=None).update(closed=timezone.now())
    campaign.refresh_from_db()
    campaign.objects_in.update(leased_to=None, leased_until=None)
    update_consensus(campaign.objects_in.values_list("refsource_id", flat=True))


def reopen(campaign):
    """Let people vote in a campaign again."""
    Campaign.objects.filter(pk=campaign.pk).update(closed=None)
    campaign.refresh_from_db()


def disputed(campaign):
    """Candidates of a campaign that people don't agree on."""
    mine = campaign.objects_in.values("refsource_id")
    return GalCandidate.objects.filter(is_disputed=True, pk__in=mine)


@transaction.atomic
def follow_up(campaign, user) -> Campaign:
    """A campaign of what people disagree on, a card each, with one vote more."""
    name = f"{campaign.name}: disputed"[:80]
    if earlier := Campaign.objects.filter(name=name).first():
        return earlier
    new = NewCampaign(
        name=name, lane=Campaign.Lane.DISPUTED, votes_wanted=campaign.votes_wanted + 1
    )
    made = freeze(new, disputed(campaign), campaign.taxonomy, user)
    made.members.set(campaign.members.all())
    return made


@dataclass(frozen=True)
class Progress:
    """How far a campaign is."""

    n_objects: int
    n_done: int  # with as many votes as are wanted
    n_votes: int
    n_votes_wanted: int
    per_hour: float  # votes, of late
    hours_left: float  # NaN where nothing goes on

    @property
    def fraction(self):
        return min(1.0, self.n_votes / self.n_votes_wanted) if self.n_votes_wanted else 1.0


def progress_of(campaign) -> Progress:
    """The Progress of a campaign, in two queries."""
    counts = campaign.objects_in.aggregate(
        n=Count("pk"),
        done=Count("pk", filter=Q(n_votes__gte=F("campaign__votes_wanted"))),
    )
    recent = timezone.now() - RATE_OVER
    votes = GalDecision.objects.votes_standing().filter(campaign=campaign)
    said = votes.aggregate(n=Count("pk"), recent=Count("pk", filter=Q(time__gt=recent)))
    wanted = counts["n"] * campaign.votes_wanted
    left = max(wanted - said["n"], 0)
    per_hour = said["recent"] / (RATE_OVER / timedelta(hours=1))
    hours_left = left / per_hour if per_hour else np.nan
    return Progress(counts["n"], counts["done"], said["n"], wanted, per_hour, hours_left)


@dataclass(frozen=True)
class Voter:
    """What one person did in a campaign."""

    name: str
    n_votes: int
    n_gold: int
    n_gold_right: int


@dataclass(frozen=True)
class Agreement:
    """How well the people of a campaign agree."""

    kappa: float  # Fleiss's; NaN where nothing has two votes
    pairs: tuple  # (name, name, objects in common, share alike, Cohen's kappa)
    voters: tuple[Voter, ...]


def agreement_of(campaign) -> Agreement:
    """The Agreement of a campaign's people, on classes without their subtypes."""
    gold = dict(campaign.objects_in.exclude(gold=None).values_list("refsource_id", "gold__slug"))
    votes = {}
    rows = GalDecision.objects.votes_standing().filter(campaign=campaign).order_by("pk")
    for pk, name, slug, parent in rows.values_list(
        "refsource_id", "user__username", "choice__slug", "choice__parent__slug"
    ):
        votes.setdefault(name, {})[pk] = parent or slug
    ballots = {}
    for own in votes.values():
        for pk, slug in own.items():
            ballots.setdefault(pk, []).append(slug)
    pairs = pairwise_agreement(votes)
    return Agreement(
        kappa=fleiss_kappa(ballots.values()),
        pairs=tuple((a, b, *figures) for (a, b), figures in pairs.items()),
        voters=tuple(_voter(name, own, gold) for name, own in sorted(votes.items())),
    )


def _voter(name, votes, gold):
    judged = votes.keys() & gold.keys()
    return Voter(name, len(votes), len(judged), sum(votes[k] == gold[k] for k in judged))


def artifacts_agreed(campaign):
    """Candidates of a campaign that people agree are artifacts, and that no flag hides yet."""
    mine = campaign.objects_in.values("refsource_id")
    agreed = GalCandidate.objects.filter(consensus__kind="artifact", is_flagged=False)
    return agreed.filter(pk__in=mine).select_related("consensus__parent")
