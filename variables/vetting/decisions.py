"""Decisions on candidates: added one by one or in a stroke, taken back, seen when it is time."""

from dataclasses import dataclass, field
from uuid import uuid4

from django.db import transaction
from django.db.models import Count, Q

from exposures.errors import GalprojectError
from variables.models import (
    CampaignObject,
    GalCandidate,
    GalDecision,
    Taxonomy,
    TaxonomyClass,
)
from variables.vetting.consensus import update_consensus

Action = GalDecision.Action
TAKEN_BACK = (Action.VOTE, Action.SKIP)


class VettingError(GalprojectError):
    """A decision that can't be taken."""


@dataclass(frozen=True)
class Said:
    """What somebody says of one candidate."""

    refsource_id: int
    action: str = Action.VOTE
    choice: str | None = None  # slug of a class; of a subtype "artifact/edge"
    comment: str = ""
    how: str = GalDecision.How.CLICK
    shown: dict = field(default_factory=dict)
    key: str = ""  # of the browser's: what is sent twice is saved once


def decide(user, said, campaign=None) -> GalDecision | None:
    """Record what somebody says of a candidate; None where that was recorded before.

    Raises VettingError where the campaign is closed, or not theirs, or the class isn't there.
    """
    return next(iter(decide_all(user, [said], campaign)), None)


@transaction.atomic
def decide_all(user, said, campaign=None) -> list[GalDecision]:
    """Record several decisions, all or none, with one INSERT; those that are new."""
    _check(user, campaign)
    said = [s for s in said if s.key not in _known_keys(user, said)]
    classes = _classes(campaign, said)
    candidates = GalCandidate.objects.in_bulk([s.refsource_id for s in said])
    rows = [_row(user, s, campaign, classes, candidates) for s in said]
    GalDecision.objects.bulk_create(rows)
    _follow(campaign, user, [row.refsource_id for row in rows])
    return rows


def _check(user, campaign):
    if campaign is None:
        return
    if campaign.closed:
        raise VettingError(f"The campaign “{campaign}” is closed. Ask for it to be reopened")
    if not campaign.is_open_to(user):
        raise VettingError(f"The campaign “{campaign}” is not yours to vote in")


def _known_keys(user, said):
    keys = [s.key for s in said if s.key]
    if not keys:
        return set()
    known = GalDecision.objects.filter(
        user=user, refsource_id__in=[s.refsource_id for s in said], shown__key__in=keys
    )
    return set(known.values_list("shown__key", flat=True))


def _classes(campaign, said):
    """{"class" or "class/subtype": TaxonomyClass} of the campaign's taxonomy."""
    if not any(s.choice for s in said):
        return {}
    taxonomy = campaign.taxonomy if campaign else Taxonomy.objects.get(is_current=True)
    classes = taxonomy.classes.select_related("parent")
    return {c.path: c for c in classes}


def _row(user, said, campaign, classes, candidates):
    candidate = candidates.get(said.refsource_id)
    if candidate is None:
        raise VettingError(
            f"There is no candidate {said.refsource_id} any more: its reference was made again"
        )
    if said.action == Action.VOTE and said.choice not in classes:
        raise VettingError(f"There is no class “{said.choice}” in this taxonomy")
    shown = {**said.shown, "key": said.key} if said.key else said.shown
    return GalDecision(
        refsource_id=candidate.pk,
        ra=candidate.ra,
        dec=candidate.dec,
        filter=candidate.filter,
        user=user,
        campaign=campaign,
        action=said.action,
        choice=classes[said.choice] if said.action == Action.VOTE else None,
        comment=said.comment,
        how=said.how,
        shown=shown,
    )


def _follow(campaign, user, refsource_ids):
    """Bring what is derived from decisions up to date."""
    if campaign is not None:
        _count_votes(campaign, refsource_ids)
        mine = CampaignObject.objects.filter(campaign=campaign, leased_to=user)
        mine.filter(refsource_id__in=refsource_ids).update(leased_to=None, leased_until=None)
    update_consensus(refsource_ids)


def _count_votes(campaign, refsource_ids):
    counts = dict(
        GalDecision.objects.votes_standing()
        .filter(campaign=campaign, refsource_id__in=refsource_ids)
        .values("refsource_id")
        .annotate(n=Count("user", distinct=True))
        .values_list("refsource_id", "n")
    )
    objects = list(campaign.objects_in.filter(refsource_id__in=refsource_ids))
    for one in objects:
        one.n_votes = counts.get(one.refsource_id, 0)
    CampaignObject.objects.bulk_update(objects, ["n_votes"], batch_size=500)


@transaction.atomic
def undo(user, campaign) -> list[int]:
    """Take back somebody's last decision in a campaign, or all of their last stroke.

    The candidates whose decisions were taken back; none where there is nothing left to take
    back. Nothing is deleted: rows are added that undo others.
    """
    _check(user, campaign)
    mine = GalDecision.objects.filter(
        user=user, campaign=campaign, action__in=TAKEN_BACK, undone_by=None
    ).order_by("-pk")
    last = mine.first()
    if last is None:
        return []
    stroke = last.shown.get("stroke")
    rows = list(mine.filter(shown__stroke=stroke)) if stroke else [last]
    GalDecision.objects.bulk_create(_undoing(row) for row in rows)
    ids = [row.refsource_id for row in rows]
    _follow(campaign, user, ids)
    return ids


def _undoing(row):
    return GalDecision(
        **{name: getattr(row, name) for name in ("refsource_id", "ra", "dec", "filter", "user")},
        campaign=row.campaign,
        action=Action.UNDO,
        undoes=row,
        how=row.how,
    )


def new_stroke() -> str:
    """The name of a stroke: decisions that are taken, and taken back, together."""
    return uuid4().hex


def has_voted(user, refsource_id) -> bool:
    return (
        GalDecision.objects.votes_standing().filter(user=user, refsource_id=refsource_id).exists()
    )


def votes_visible_to(user, refsource_id):
    """Decisions on a candidate that somebody may see: all once they have voted, else their own."""
    decisions = GalDecision.objects.filter(refsource_id=refsource_id)
    decisions = decisions.exclude(action__in=[Action.SKIP, Action.UNDO]).filter(undone_by=None)
    if not has_voted(user, refsource_id):
        decisions = decisions.filter(user=user)
    return decisions.select_related("user", "choice__parent").order_by("pk")


def classes_of(taxonomy) -> list[TaxonomyClass]:
    """The classes of a taxonomy that have no parent, each with its ``children``."""
    classes = list(taxonomy.classes.filter(Q(parent=None)).order_by("order"))
    subtypes = taxonomy.classes.exclude(parent=None).order_by("order")
    by_parent = {}
    for subtype in subtypes:
        by_parent.setdefault(subtype.parent_id, []).append(subtype)
    for one in classes:
        one.children = by_parent.get(one.pk, [])
    return classes
