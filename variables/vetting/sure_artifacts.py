"""Candidates that a model is sure are artifacts: voted on in one stroke, after people checked some.

A random sample of them is looked at one by one, mixed with as many others of the campaign, so that
nobody who votes knows which are which. All the rest are voted on together if the sample shows that
few enough of them can be real. Until a campaign is closed nobody sees scores of what was checked.
"""

from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q

from exposures.options_in_force import options_in_force
from variables.models import (
    Campaign,
    GalCandidate,
    GalDecision,
    GalScore,
    LearntModel,
    ModelCheck,
    TaxonomyClass,
)
from variables.science.learning.checks import greatest_share, size_of_sample
from variables.vetting.decisions import DecisionInput, VettingError, decide_all, undo_decisions
from variables.vetting.leases import objects_left
from variables.votes.consensus import lock_candidates

AT_ONCE = 5000  # votes, which take some seconds
LEAST_SAMPLES = 2  # as many as the sample has to be in a group, for which it is worth the while
ARTIFACT = TaxonomyClass.Kind.ARTIFACT
PLACE = """
UPDATE galcampaignobjects o SET model_check_id = %s, is_sure = v.sure, check_rank = v.rank
FROM unnest(%s::bigint[], %s::boolean[], %s::integer[]) AS v(id, sure, rank)
WHERE o.id = v.id
"""


@dataclass(frozen=True)
class CheckState:
    """How far a check is, as pages tell."""

    check: ModelCheck
    n_looked_at: int  # of the sample and what it is mixed with, with all votes
    n_to_look_at: int
    n_real: int | None  # of the sample; None while it isn't voted on
    n_sampled: int  # with all votes
    n_left: int  # of the others, to be voted on by somebody

    @property
    def greatest_share(self) -> float:
        """The upper bound of the share of real ones, at 95 %; 1 while nothing is known."""
        return 1.0 if self.n_real is None else greatest_share(self.n_real, self.n_sampled)

    @property
    def is_passed(self) -> bool:
        """Whether the others may be voted on in one stroke."""
        return self.n_real is not None and self.greatest_share <= self.check.most_real

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.n_real is not None and not (self.is_passed and self.n_left)

    @property
    def percent(self) -> str:
        """The upper bound in words."""
        return f"{100 * self.greatest_share:.2g} %"

    @property
    def percent_allowed(self) -> str:
        """The upper bound that would do, in words."""
        return f"{100 * self.check.most_real:.2g} %"


@dataclass(frozen=True)
class WentSo:
    """What went in one stroke by a check."""

    check: ModelCheck
    n_votes: int  # candidates that have such a vote

    @property
    def percent(self) -> str:
        """The upper bound of the share of real ones in words."""
        return f"{100 * (self.check.greatest_share or 1.0):.2g} %"


@dataclass(frozen=True)
class SureArtifacts:
    """What a campaign's page offers of what a model is sure of."""

    state: CheckState | None  # of the check that goes on
    n_sure: int  # of which a sample may be drawn; 0: none, or a check goes on
    n_sample: int
    went: tuple[WentSo, ...]

    @property
    def key(self) -> str:
        """By which votes that are sent twice by one page are saved once."""
        return f"rest-{uuid4().hex}"

    def __bool__(self) -> bool:
        return bool(self.state or self.n_sure or self.went)


def sure_artifacts_in(campaign: Campaign) -> SureArtifacts:
    """The SureArtifacts of a campaign, in a number of queries that doesn't depend on its size."""
    checks, n_sample = list(campaign.model_checks.order_by("pk")), sample_size()
    state = state_of(checks[-1], campaign) if checks and not campaign.closed else None
    n_sure = sure_in(campaign).count() if _may_draw(campaign, state) else 0
    is_enough = n_sure >= LEAST_SAMPLES * n_sample
    return SureArtifacts(state, n_sure if is_enough else 0, n_sample, _went(campaign, checks))


def sample_size() -> int:
    """How many people look at, by the options in force."""
    options = options_in_force().learning
    return size_of_sample(options.sure_share, options.sure_spare)


def _last_state(campaign) -> CheckState | None:
    last = campaign.model_checks.order_by("-pk").first()
    return None if last is None else state_of(last, campaign)


def _may_draw(campaign, state) -> bool:
    """Whether another check may begin: no other goes on, and none was by the same model."""
    if campaign.closed or campaign.shows_scores or (state and not state.is_over):
        return False
    model = LearntModel.objects.in_use()
    return model is not None and not (state and state.check.model_id == model.pk)


def sure_in(campaign):
    """Objects without a vote of which the model in use is sure; never gold ones."""
    current = LearntModel.objects.filter(is_current=True).values("pk")
    probable = options_in_force().learning.sure_artifact
    # An object's own score by the primary key: planners would read all scores for a large list.
    said = GalScore.objects.filter(
        refsource_id=OuterRef("refsource_id"), model_id__in=current, real__lte=probable
    )
    return _untouched(campaign).filter(Exists(said))


def _untouched(campaign):
    there = GalCandidate.objects.filter(pk=OuterRef("refsource_id"))
    return campaign.objects_in.filter(Exists(there), n_votes=0, gold=None).order_by()


def state_of(check: ModelCheck, campaign: Campaign) -> CheckState:
    """The CheckState of a check as votes stand."""
    there = GalCandidate.objects.filter(pk=OuterRef("refsource_id"))
    objects = check.objects_in.filter(Exists(there), campaign=campaign).order_by()
    asked, done = Q(check_rank__isnull=False), Q(n_votes__gte=campaign.votes_wanted)
    sampled = asked & Q(is_sure=True)
    n = objects.aggregate(
        looked_at=Count("pk", filter=asked & done),
        to_look_at=Count("pk", filter=asked),
        sampled=Count("pk", filter=sampled & done),
        all_sampled=Count("pk", filter=sampled),
        left=Count("pk", filter=Q(is_sure=True, check_rank=None) & ~done),
    )
    is_done = 0 < n["all_sampled"] == n["sampled"]
    n_real = _n_real(campaign, objects.filter(sampled)) if is_done else None
    return CheckState(check, n["looked_at"], n["to_look_at"], n_real, n["sampled"], n["left"])


def _n_real(campaign, sampled) -> int:
    """How many of a sample somebody takes for something else than an artifact."""
    votes = GalDecision.objects.votes_standing().filter(
        campaign=campaign, refsource_id__in=sampled.values("refsource_id")
    )
    last = votes.order_by("refsource_id", "user", "-pk").distinct("refsource_id", "user")
    kinds = last.values_list("refsource_id", "choice__kind")
    return len({pk for pk, kind in kinds if kind != ARTIFACT})


def _went(campaign, checks) -> tuple[WentSo, ...]:
    if not checks:
        return ()
    votes = GalDecision.objects.votes_standing().filter(
        campaign=campaign, how=GalDecision.How.MODEL
    )
    numbers = votes.order_by().values_list("shown__check")
    by_check = dict(numbers.annotate(n=Count("refsource_id", distinct=True)))
    return tuple(WentSo(one, by_check[one.pk]) for one in checks if one.pk in by_check)


@transaction.atomic
def draw_sample(campaign: Campaign, user) -> ModelCheck:
    """Begin a check of what the model in use is sure of, or return the one that goes on.

    VettingError where the campaign is closed or shows scores, and where there is too little.
    """
    # Whoever draws at the same time waits, and finds it drawn.
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    state = _last_state(campaign)
    if state and not state.is_over:
        return state.check
    if not _may_draw(campaign, state):
        raise VettingError(_why_not(campaign, state))
    n_sample, rng = sample_size(), np.random.default_rng()
    sure = np.array(sure_in(campaign).values_list("pk", flat=True), "i8")
    if len(sure) < LEAST_SAMPLES * n_sample:
        raise VettingError(
            f"The model is sure of {len(sure):,} candidates: of fewer than "
            f"{LEAST_SAMPLES * n_sample:,} a sample is hardly less work than all"
        )
    others = np.array(_untouched(campaign).values_list("pk", flat=True), "i8")
    others = np.setdiff1d(others, sure)
    sample = rng.choice(sure, n_sample, replace=False)
    mixed_in = rng.choice(others, min(n_sample, len(others)), replace=False)
    options = options_in_force().learning
    check = ModelCheck.objects.create(
        campaign=campaign,
        model=LearntModel.objects.in_use(),
        made_by=user,
        most_probable=options.sure_artifact,
        most_real=options.sure_share,
        n_sure=len(sure),
        n_sampled=n_sample,
    )
    _place(check, sure, rng.permutation(np.concatenate([sample, mixed_in])))
    return check


def _why_not(campaign, state) -> str:
    if campaign.closed:
        return f"The campaign “{campaign}” is closed. Ask for it to be reopened"
    if campaign.shows_scores:
        return "Who votes here sees what the model says: nobody could check it without"
    if state:
        return "This model was checked here already: another check takes another model"
    return "No model is in use: train one (manage.py train_model)"


def _place(check, sure, in_order):
    """Note which objects the model is sure of, and in which order people look at some."""
    before = check.campaign.objects_in.exclude(model_check=None)
    before.update(model_check=None, is_sure=False, check_rank=None)
    ids = np.union1d(sure, in_order)
    ranks = {pk: rank for rank, pk in enumerate(in_order.tolist(), 1)}
    columns = [
        ids.tolist(),
        np.isin(ids, sure).tolist(),
        [ranks.get(pk) for pk in ids.tolist()],
    ]
    with connection.cursor() as cursor:
        cursor.execute(PLACE, [check.pk, *columns])


def objects_to_check(campaign: Campaign, user, skipped: bool = False):
    """What a user is asked to look at for a check, in an order that tells not why."""
    asked = objects_left(campaign, user, skipped).exclude(check_rank=None)
    return asked.order_by("check_rank")


@transaction.atomic
def vote_on_the_rest(campaign: Campaign, user, key: str) -> list[GalDecision]:
    """Vote that the next AT_ONCE candidates of a checked group are artifacts; the new votes.

    What others have in hand, or have voted on, is left out. What is sent twice by the same ``key``
    is saved once. VettingError where the sample isn't voted on, or has too many real ones.
    """
    check = campaign.model_checks.select_for_update(no_key=True).order_by("-pk").first()
    if check is None:
        raise VettingError("No sample was drawn yet")
    state = state_of(check, campaign)
    _check_passed(state)
    rest = objects_left(campaign, user).filter(model_check=check, is_sure=True, check_rank=None)
    ids = list(rest.values_list("refsource_id", flat=True)[:AT_ONCE])
    # What others decided meanwhile is seen under the lock, and left out.
    lock_candidates(ids, campaign, user)
    ids = rest.filter(refsource_id__in=ids).values_list("refsource_id", flat=True)
    check.n_real, check.greatest_share = state.n_real, state.greatest_share
    check.save(update_fields=["n_real", "greatest_share"])
    choice = campaign.taxonomy.classes.filter(kind=ARTIFACT, parent=None).order_by("order").first()
    shown = {"lane": campaign.lane, "batch": check.batch, "check": check.pk}
    how = GalDecision.How.MODEL
    inputs = [
        DecisionInput(pk, choice=choice.slug, how=how, shown=shown, key=f"{key}:{pk}") for pk in ids
    ]
    return decide_all(user, inputs, campaign)


def _check_passed(state):
    if state.n_real is None:
        raise VettingError(
            f"The sample is not voted on yet: {state.n_looked_at:,} of {state.n_to_look_at:,} are"
        )
    if not state.is_passed:
        raise VettingError(
            f"Of {state.n_sampled:,} that were checked {state.n_real:,} are no artifacts: up to "
            f"{state.percent} of the others may not be, where {state.percent_allowed} are "
            "allowed. Vote on them one by one"
        )


def take_back(campaign: Campaign, user) -> int:
    """Take a user's votes by the last check back; returns how many candidates they were on."""
    check = campaign.model_checks.order_by("-pk").first()
    return len(undo_decisions(user, campaign, batch=check.batch)) if check else 0
