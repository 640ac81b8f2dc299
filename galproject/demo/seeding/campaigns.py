"""Campaigns of a made-up survey, and the votes in them."""

from dataclasses import dataclass

import numpy as np
from django.contrib.auth import get_user_model
from django.db import transaction

from galproject.demo.first_look import NAME, make_first_look
from variables.models import Artifact, Campaign, GalCandidate
from variables.models.causes import Cause
from variables.vetting.campaigns import NewCampaign, close, create_campaigns
from variables.vetting.decisions import DecisionInput, decide_all

VARIABLES = ("rr-lyrae", "eclipsing", "cepheid", "long-period", "flare", "other")
# What an artifact of each cause is called by people; of the others they say something else.
SUBTYPES = {Cause.CROWD: Artifact.QUALITY, Cause.SHAPE: Artifact.COSMIC}
N_AT_ONCE = 200


@dataclass(frozen=True)
class Voting:
    """The share of a campaign that a person voted on, and how often they are right."""

    user: str
    fraction: float
    right: float


@dataclass(frozen=True)
class Planned:
    """A planned campaign and its voters."""

    new: NewCampaign
    voting: tuple[Voting, ...]
    is_closed: bool = False


PLANNED = (
    Planned(
        NewCampaign("Pilot", "detections_min=5", lane="card", votes_wanted=2),
        (Voting("vetter", 1.0, 0.9), Voting("curator", 1.0, 0.85)),
        is_closed=True,
    ),
    Planned(
        NewCampaign("One-offs in i", "detections_min=1&detections_max=1&filter=i", lane="sheet"),
        (Voting("vetter", 0.06, 0.95),),
    ),
    Planned(
        NewCampaign("Detected three times or more", "detections_min=3", "card", 2, n_gold=5),
        (Voting("curator", 0.05, 0.85), Voting("vetter", 0.12, 0.9)),
    ),
)


def make_campaigns(seed) -> int:
    """Make missing campaigns with their votes; returns how many."""
    curator = get_user_model().objects.get(username="curator")
    rng = np.random.default_rng([seed, 19])
    made = 0
    for planned in PLANNED:
        if Campaign.objects.filter(name=planned.new.name).exists():
            continue
        with transaction.atomic():
            (campaign,) = create_campaigns(planned.new, curator)
            for voting in planned.voting:
                _vote(campaign, voting, rng)
            if planned.is_closed:
                close(campaign)
        made += 1
    if not Campaign.objects.filter(name=NAME).exists():
        made += make_first_look(curator) is not None
    return made


def _vote(campaign, voting, rng):
    """Make a person's votes on the first candidates of a campaign."""
    user = get_user_model().objects.get(username=voting.user)
    objects = campaign.objects_in.order_by("rank").values_list("refsource_id", flat=True)
    ids = list(objects[: int(np.ceil(voting.fraction * len(objects)))])
    candidates = GalCandidate.objects.in_bulk(ids)
    is_sheet = campaign.lane == Campaign.Lane.SHEET
    inputs = [
        DecisionInput(
            i,
            choice=_class(candidates[i], rng.uniform() < voting.right, rng),
            how="bulk" if is_sheet else "key",
            shown={"lane": str(campaign.lane)},
        )
        for i in ids
    ]
    for first in range(0, len(inputs), N_AT_ONCE):
        decide_all(user, inputs[first : first + N_AT_ONCE], campaign)


def _class(candidate, is_right, rng):
    """The class voted for a candidate: if right, the same by everybody."""
    if not is_right:
        return str(rng.choice(["uncertain", "other", "artifact"]))
    if candidate.cause == Cause.REAL or candidate.n_detections > 2:
        return VARIABLES[candidate.pk % len(VARIABLES)]
    kind = SUBTYPES.get(candidate.cause, candidate.cause)
    return f"artifact/artifact-{kind}"
