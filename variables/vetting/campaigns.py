"""Campaigns: frozen selections, their end, and what people disagree on."""

from dataclasses import dataclass, replace
from itertools import count

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from exposures.errors import GalprojectError
from variables.flags.marking import flag_sources
from variables.models import Artifact, Campaign, CampaignObject, GalCandidate, Taxonomy
from variables.models.causes import Cause
from variables.notices.writing import tell_ended
from variables.vetting.contents import CARD, IN_LANE, SHEET, candidates_in, contents_of
from variables.vetting.queue_order import QueueOrder, priorities
from variables.votes.consensus import update_consensus

BATCH = 5000
FLAGS_AT_ONCE = 5000  # some ten seconds, as each one's candidate is derived anew
COLUMNS = ("pk", "cause", "catalogue_id", "ccdnum", "filter", "first_mjd", "star_detections")
# Short enough for the name of a group: up to the explanation.
CAUSES = {value: label.partition(":")[0].partition(",")[0] for value, label in Cause.choices}

# What the name of a campaign ends with where a list is split.
DETECTED = {SHEET: "detected once or twice", CARD: "detected more often"}
NAME_LENGTH = Campaign.NAME_LENGTH - 24  # what is left of the name before that
NOTHING = "There is no candidate in that list: loosen its conditions"
NOTHING_FOR_SHEETS = "Nothing in that list was detected only once or twice: vet it on cards"

DISPUTED = Q(is_disputed=True)
AGREED_ARTIFACT = Q(consensus__kind="artifact", is_flagged=False)


class CampaignError(GalprojectError):
    """A campaign that can't be made or changed."""


@dataclass(frozen=True)
class NewCampaign:
    """What a campaign is to be."""

    name: str
    query: str = ""  # of the list of candidates
    lane: str = ""  # "": by the evidence, a campaign in each lane that there is something for
    votes_wanted: int = 1
    n_gold: int = 0  # candidates that people agree on, mixed in
    gold: tuple = ()  # (refsource_id, "class" or "class/subtype"), mixed in, too
    members: tuple = ()  # nobody: everyone who may vote
    order: str = QueueOrder.EVIDENCE  # of cards
    shows_scores: bool = False  # what the model says, before one's own vote


@transaction.atomic
def create_campaigns(new, user, request=None, lanes=()) -> list[Campaign]:
    """Freeze a list of candidates as one campaign, or as one for each lane that has candidates.

    A contact sheet takes only candidates that were detected once or twice; cards, if chosen, take
    all of the list. If ``new`` has no lane, a campaign is made for each of ``lanes`` that would not
    be empty. Raises CampaignError if nothing is left to vet, or a name is taken.
    """
    taxonomy = Taxonomy.objects.filter(is_current=True).first()
    if taxonomy is None:
        raise CampaignError("No taxonomy is current: choose one in the admin")
    chosen = candidates_in(new.query, request)
    if new.lane == CARD:
        return [freeze(new, chosen, taxonomy, user)]
    lanes = [new.lane] if new.lane else _lanes(new, lanes, request)
    parts = [_part(new, lane, len(lanes) > 1) for lane in lanes]
    return [freeze(part, chosen.filter(IN_LANE[part.lane]), taxonomy, user) for part in parts]


def _lanes(new, chosen, request):
    lanes = [one for one in contents_of(new.query, request).lanes if not chosen or one in chosen]
    if not lanes:
        raise CampaignError(NOTHING)
    return lanes


def _part(new, lane, is_split):
    """The part of a new campaign that goes into one lane."""
    name = f"{new.name[:NAME_LENGTH]}: {DETECTED[lane]}" if is_split else new.name
    others = IN_LANE[CARD if lane == SHEET else SHEET]
    misfits = GalCandidate.objects.filter(others, pk__in=dict(new.gold))
    misfits = set(misfits.values_list("pk", flat=True))
    if misfits and not is_split:
        raise CampaignError(f"Candidate {min(misfits)} was not {DETECTED[lane]}, as the others are")
    gold = tuple(one for one in new.gold if one[0] not in misfits)
    return replace(new, name=name, lane=lane, gold=gold)


def personal_campaigns(query, user, request=None, lanes=()) -> list[Campaign]:
    """Make campaigns for one user from a list of candidates, in some lanes or in all that apply."""
    begun = f"{user.get_username()[:40]}, {timezone.now():%Y-%m-%d}"
    taken = set(Campaign.objects.filter(name__startswith=begun).values_list("name", flat=True))
    names = (f"{begun}, {number}" for number in count(1))
    name = next(one for one in names if not any(t.startswith(one) for t in taken))
    return create_campaigns(NewCampaign(name, query, members=(user,)), user, request, lanes)


def freeze(new, candidates, taxonomy, user) -> Campaign:
    """Make a campaign from a queryset of candidates as it is now, in the lane of ``new``."""
    check_name(new.name)
    rows = {row[0]: row for row in candidates.order_by().values_list(*COLUMNS)}
    if not rows:
        raise CampaignError(NOTHING_FOR_SHEETS if new.lane == SHEET else NOTHING)
    campaign = Campaign.objects.create(
        name=new.name,
        lane=new.lane,
        taxonomy=taxonomy,
        query=new.query,
        votes_wanted=new.votes_wanted,
        shows_scores=new.shows_scores,
        created_by=user,
    )
    campaign.members.set(new.members)
    gold = _agreed(new.n_gold, rows, new.lane) | _given(new.gold, taxonomy)
    known = GalCandidate.objects.filter(pk__in=gold.keys() - rows.keys())
    rows |= {row[0]: row for row in known.values_list(*COLUMNS)}
    # Gold ones stand where they would anyway: nothing tells them from others.
    order = _sheet_order if new.lane == SHEET else _card_order(rows, new.order)
    CampaignObject.objects.bulk_create(
        (
            CampaignObject(
                campaign=campaign,
                refsource_id=row[0],
                rank=rank,
                group=_group(row),
                gold_id=gold.get(row[0]),
            )
            for rank, row in enumerate(sorted(rows.values(), key=order), 1)
        ),
        batch_size=BATCH,
    )
    return campaign


def check_name(name):
    """Raise CampaignError if another campaign already has this name."""
    if Campaign.objects.filter(name=name).exists():
        raise CampaignError(f"There is a campaign “{name}” already: choose another name")


def rename(campaign, name):
    """Rename a campaign. Raises CampaignError if the name is empty or taken."""
    name = " ".join(name.split())
    if not name or len(name) > Campaign.NAME_LENGTH:
        raise CampaignError(f"A name has one to {Campaign.NAME_LENGTH} characters")
    if name != campaign.name:
        check_name(name)
        campaign.name = name
        campaign.save(update_fields=["name"])


def _sheet_order(row):
    pk, cause, catalogue, _, _, first_mjd, _ = row
    return cause, catalogue, first_mjd, pk


def _card_order(rows, order):
    """The key by which cards are sorted: by a model, where one has scored them, or the evidence."""
    first = priorities(rows, order)
    return lambda row: (-first.get(row[0], 0.0), -row[-1], row[0])


def _group(row):
    _, cause, _, ccdnum, name, first_mjd, _ = row
    return f"{CAUSES[cause]} · chip {ccdnum} in {name} · MJD {first_mjd:.3f}"


def _agreed(n, rows, lane):
    """{refsource_id: class id} of ``n`` random agreed candidates in the same filters, for gold."""
    if not n:
        return {}
    known = GalCandidate.objects.as_seen_by().filter(shows_class=True).exclude(consensus=None)
    known = known.current().visible()
    known = known.filter(IN_LANE[lane]) if lane == SHEET else known
    known = known.filter(filter__in={row[4] for row in rows.values()}).exclude(pk__in=rows)
    return dict(known.order_by("?").values_list("pk", "consensus_id")[:n])


def _given(gold, taxonomy):
    """{refsource_id: class id} of the gold answers that were supplied."""
    classes = {c.path: c.pk for c in taxonomy.classes.select_related("parent")}
    there = set(GalCandidate.objects.filter(pk__in=dict(gold)).values_list("pk", flat=True))
    for pk, path in gold:
        if pk not in there:
            raise CampaignError(f"There is no candidate {pk} to be gold")
        if path not in classes:
            raise CampaignError(f"There is no class “{path}” in {taxonomy}, for {pk}")
    return {pk: classes[path] for pk, path in gold}


@transaction.atomic
def close(campaign, only_without_votes=False, by=None):
    """Close a campaign to votes and derive its consensus; its people are told, but for ``by``.

    Raises CampaignError for ``only_without_votes`` if somebody has voted.
    """
    # Whoever votes just now is waited for, and waits.
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    if only_without_votes and campaign.has_votes():
        raise CampaignError("Somebody has voted meanwhile: ask a curator to close it")
    open_one = Campaign.objects.filter(pk=campaign.pk, closed=None)
    is_ended = open_one.update(closed=timezone.now())
    campaign.refresh_from_db()
    if is_ended:
        tell_ended(campaign, by)
    campaign.objects_in.update(leased_to=None, leased_until=None)
    update_consensus(campaign.objects_in.values_list("refsource_id", flat=True), by)


def reopen(campaign):
    """Reopen a campaign to votes."""
    Campaign.objects.filter(pk=campaign.pk).update(closed=None)
    campaign.refresh_from_db()


def vetted_again(campaign):
    """Ids of a campaign's candidates that are also in an open campaign, where votes are blind."""
    others = CampaignObject.objects.going_on().exclude(campaign=campaign)
    return others.filter(refsource_id__in=campaign.objects_in.values("refsource_id")).values(
        "refsource_id"
    )


def candidates_left_in(campaign):
    """The candidates of a campaign that still exist and are not in another open campaign."""
    there = GalCandidate.objects.filter(pk__in=campaign.objects_in.values("refsource_id"))
    return there.exclude(pk__in=vetted_again(campaign))


def disputed(campaign):
    """The candidates of a campaign on which voters disagree."""
    return candidates_left_in(campaign).filter(DISPUTED)


def artifacts_agreed(campaign):
    """The candidates of a campaign agreed to be artifacts and not yet hidden by a flag."""
    return candidates_left_in(campaign).filter(AGREED_ARTIFACT)


def _check_closed(campaign):
    if not campaign.closed:
        raise CampaignError(
            "Votes are blind as long as a campaign goes on: close it first, and then do what "
            "follows from what people agree on"
        )


@transaction.atomic
def follow_up(campaign, user) -> Campaign:
    """Make a campaign of the disputed candidates, one card each, to collect further votes.

    Earlier votes keep counting. An open follow-up is returned instead of a new one. Raises
    CampaignError if the campaign itself is open, or nothing is disputed.
    """
    _check_closed(campaign)
    begun = f"{campaign.name[:60]}: disputed"
    earlier = Campaign.objects.filter(name__startswith=begun, lane=Campaign.Lane.DISPUTED)
    if still_open := earlier.filter(closed=None).first():
        return still_open
    name = f"{begun} {n + 1}" if (n := earlier.count()) else begun
    members = tuple(campaign.members.all())
    new = NewCampaign(name, lane=Campaign.Lane.DISPUTED, members=members)
    return freeze(new, disputed(campaign), campaign.taxonomy, user)


def flag_agreed(campaign, user) -> int:
    """Flag the next FLAGS_AT_ONCE candidates agreed to be artifacts; returns how many.

    Raises CampaignError if the campaign is open.
    """
    _check_closed(campaign)
    agreed = artifacts_agreed(campaign).order_by("pk").values_list("pk", "consensus__slug")
    artifacts = {pk: _artifact(slug) for pk, slug in agreed[:FLAGS_AT_ONCE]}
    flag_sources(artifacts, f"agreed in the campaign “{campaign}”", user)
    return len(artifacts)


def _artifact(slug):
    kind = slug.removeprefix("artifact-")
    return kind if kind in Artifact.values else Artifact.OTHER
