"""Decisions on candidates: recorded singly or in batches, undone, and shown once voting ends."""

from dataclasses import dataclass, field

from django.db import connection, transaction

from exposures.errors import GalprojectError
from variables.discussion.commenting import comment_on
from variables.models import GalCandidate, GalDecision, Taxonomy, TaxonomyClass
from variables.vetting.moves import moved_keys, outside_of, sources_of, with_moves
from variables.votes.blindness import note_shown
from variables.votes.consensus import lock_candidates, store_consensus

Action, Kind = GalDecision.Action, TaxonomyClass.Kind
TAKEN_BACK = (Action.VOTE, Action.SKIP)

# The votes of each object, and whoever decided has it no more in hand.
COUNT_VOTES = """
UPDATE galcampaignobjects o
SET n_votes = (
        SELECT count(DISTINCT d.user_id)
        FROM galdecisions d LEFT JOIN galdecisions u ON u.undoes_id = d.id
        WHERE d.refsource_id = o.refsource_id AND d.campaign_id = o.campaign_id
          AND d.action = 'vote' AND u.id IS NULL
    ),
    leased_to_id = nullif(o.leased_to_id, %s),
    leased_until = CASE WHEN o.leased_to_id = %s THEN NULL ELSE o.leased_until END
WHERE o.campaign_id = %s AND o.refsource_id = ANY(%s)
"""


class VettingError(GalprojectError):
    """A decision that can't be recorded."""


@dataclass(frozen=True)
class DecisionInput:
    """A submitted decision on one candidate: a vote, a skip or a comment."""

    refsource_id: int
    action: str = Action.VOTE
    choice: str | None = None  # slug of a class; of a subtype "artifact/artifact-edge"
    comment: str = ""
    period_days: float | None = None  # of a vote: by which its light curve was folded
    moved_to: int | None = None  # of a vote: it is for this neighbour, not for the candidate
    how: str = GalDecision.How.CLICK
    shown: dict = field(default_factory=dict)  # ``batch``: taken, and taken back, together
    key: str = ""  # of the browser's: what is sent twice is saved once


def decide(user, given, campaign=None) -> GalDecision | None:
    """Record a user's decision on a candidate; None if it was recorded before.

    Raises VettingError if the campaign is closed or not the user's, or the class does not exist.
    """
    return next(iter(decide_all(user, [given], campaign)), None)


def record_all(user, inputs, campaign=None) -> int:
    """Record what a voter sent: decisions, and comments as such; returns how many are new.

    Raises VettingError as ``decide_all`` does, and CommentError for a comment without text.
    """
    said = [one for one in inputs if one.action == Action.COMMENT]
    if not said:
        return len(decide_all(user, inputs, campaign))
    with transaction.atomic():
        others = [one for one in inputs if one.action != Action.COMMENT]
        n_decided = len(decide_all(user, others, campaign)) if others else 0
        _comment_on_all(user, said, campaign)
    return n_decided + len(said)


def _comment_on_all(user, said, campaign):
    _check(user, campaign)
    candidates = GalCandidate.objects.only("pk").in_bulk([one.refsource_id for one in said])
    for one in said:
        if one.refsource_id not in candidates:
            raise VettingError(f"Candidate {one.refsource_id} is not there any more")
        comment_on(candidates[one.refsource_id], user, one.comment, key=one.key)


@transaction.atomic
def decide_all(user, inputs, campaign=None) -> list[GalDecision]:
    """Record several decisions with one INSERT, all or none; returns the new ones."""
    _check(user, campaign)
    classes = _classes(campaign, inputs)
    is_moved = {s.moved_to for s in inputs if s.moved_to is not None}
    inputs = with_moves(inputs, classes)
    # Under the lock, so that what others say at once is seen, and what is sent again is known.
    candidates = _locked(user, inputs, campaign, is_moved)
    known = _known_keys(user, inputs)
    inputs = [s for s in inputs if s.key not in known]
    rows = [_row(user, s, campaign, classes, candidates) for s in inputs]
    GalDecision.objects.bulk_create(rows)
    _follow(campaign, user, rows)
    return rows


def _locked(user, inputs, campaign, is_moved):
    """What is voted on by its id, locked: candidates of the campaign, and neighbours of them."""
    ids = {s.refsource_id for s in inputs}
    if not is_moved:
        return lock_candidates(ids, campaign, user)
    # All in one statement, so that nobody waits for each other.
    locked = lock_candidates(ids, None, user)
    found = sources_of(user, is_moved - locked.keys()) | locked
    if campaign is not None:
        for pk in outside_of(campaign, ids - is_moved):
            found.pop(pk, None)
    return found


def _check(user, campaign):
    if campaign is None:
        return
    if campaign.closed:
        raise VettingError(f"The campaign “{campaign}” is closed. Ask for it to be reopened")
    if not campaign.is_open_to(user):
        raise VettingError(f"The campaign “{campaign}” is not yours to vote in")


def _known_keys(user, inputs):
    keys = [s.key for s in inputs if s.key]
    known = GalDecision.objects.filter(user=user, key__in=keys)
    return set(known.values_list("key", flat=True)) if keys else set()


def _classes(campaign, inputs):
    """{"class" or "class/subtype": TaxonomyClass} of the campaign's taxonomy."""
    if not any(s.choice for s in inputs):
        return {}
    taxonomy = campaign.taxonomy if campaign else Taxonomy.objects.get(is_current=True)
    classes = taxonomy.classes.select_related("parent")
    return {c.path: c for c in classes}


def _row(user, given, campaign, classes, candidates):
    candidate = candidates.get(given.refsource_id)
    if candidate is None:
        raise VettingError(
            f"Candidate {given.refsource_id} is not in the campaign “{campaign}”, or not there any "
            "more, as its reference was made again"
        )
    if given.action == Action.VOTE and candidate.is_unblinded:
        raise VettingError(
            f"You have seen what others said of candidate {candidate.pk}, as you had voted on it: "
            "while its campaign goes on you can take that vote back, but not give another"
        )
    if given.action == Action.VOTE and given.choice not in classes:
        raise VettingError(f"There is no class “{given.choice}” in this taxonomy")
    choice = classes[given.choice] if given.action == Action.VOTE else None
    return GalDecision(
        refsource_id=candidate.pk,
        ra=candidate.ra,
        dec=candidate.dec,
        filter=candidate.filter,
        user=user,
        campaign=campaign,
        action=given.action,
        choice=choice,
        comment=given.comment,
        period_days=given.period_days if choice and choice.kind == Kind.VARIABLE else None,
        how=given.how,
        shown=given.shown,
        key=given.key,
    )


def _follow(campaign, user, rows):
    """Update what is derived from decisions; comments change nothing there."""
    ids = [row.refsource_id for row in rows if row.action != Action.COMMENT]
    if campaign is not None:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_VOTES, [user.pk, user.pk, campaign.pk, ids])
    store_consensus(ids, user)


@transaction.atomic
def undo_decisions(user, campaign, keys=(), batch="") -> list[int]:
    """Undo a user's decisions in a campaign: by keys, or those of a batch, else the last act.

    Returns the candidates whose decisions are undone, even if they were before; empty if there is
    nothing to undo. Nothing is deleted: rows are added that undo others.
    """
    _check(user, campaign)
    if batch:
        rows = list(_decided(user, campaign).filter(shown__batch=batch))
    else:
        rows = _of_keys(user, campaign, keys) if keys else _last(user, campaign)
    ids = list(dict.fromkeys(row.refsource_id for row in rows))
    lock_candidates(ids)
    standing = GalDecision.objects.filter(pk__in=[row.pk for row in rows], undone_by=None)
    added = GalDecision.objects.bulk_create([_undoing(row) for row in standing.order_by("pk")])
    _follow(campaign, user, added)
    return ids


def _of_keys(user, campaign, keys):
    rows = GalDecision.objects.filter(user=user, campaign=campaign, key__in=moved_keys(keys))
    return list(rows.order_by("pk"))


def _decided(user, campaign):
    return GalDecision.objects.filter(user=user, campaign=campaign, action__in=TAKEN_BACK)


def _last(user, campaign):
    # A transferred decision is older than its row.
    decided = _decided(user, campaign).filter(undone_by=None)
    decided = decided.exclude(how=GalDecision.How.TRANSFERRED).order_by("-pk")
    last = decided.first()
    batch = last and last.shown.get("batch")
    return list(decided.filter(shown__batch=batch)) if batch else [last] if last else []


def _undoing(row):
    return GalDecision(
        **{name: getattr(row, name) for name in ("refsource_id", "ra", "dec", "filter")},
        user_id=row.user_id,
        campaign_id=row.campaign_id,
        action=Action.UNDO,
        undoes=row,
        how=row.how,
    )


def votes_visible_to(user, refsource_id):
    """Votes and comments that a user may see: those of others only after voting on the candidate.

    The last vote of each person, and all comments. It is recorded that the user was shown them.
    """
    note_shown(user, [refsource_id])
    decisions = GalDecision.objects.filter(refsource_id=refsource_id, undone_by=None).visible_to(
        user
    )
    decisions = decisions.exclude(action__in=[Action.SKIP, Action.UNDO])
    rows = list(decisions.select_related("user", "choice__parent").order_by("pk"))
    last = {row.user_id: row.pk for row in rows if row.action == Action.VOTE}
    return [row for row in rows if row.action == Action.COMMENT or last[row.user_id] == row.pk]


def classes_of(taxonomy) -> list[TaxonomyClass]:
    """The top-level classes of a taxonomy, each with its ``children``."""
    classes = list(taxonomy.classes.order_by("order"))
    top = [one for one in classes if one.parent_id is None]
    for one in top:
        one.children = [child for child in classes if child.parent_id == one.pk]
    return top
