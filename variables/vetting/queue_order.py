"""The order in which candidates are vetted, and how many real ones are expected to be left."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.db.models import TextChoices

from exposures.options_in_force import options_in_force
from variables.models import Campaign, GalScore, LearntModel
from variables.science.learning.expectation import Expectation, expectation, teaches

# Candidates of a campaign with what the model in use says, and whether they have all votes.
SCORES = """
SELECT s.real, o.n_votes >= %s FROM galcampaignobjects o
JOIN galscores s ON s.refsource_id = o.refsource_id
JOIN galmodels m ON m.id = s.model_id AND m.is_current
WHERE o.campaign_id = %s
"""


class QueueOrder(TextChoices):
    """What is asked for first on cards."""

    EVIDENCE = "", "most often detected first"
    LIKELIEST = "likeliest", "most likely real first, by the model"
    TEACHING = "teaching", "what teaches the model most first"


@dataclass(frozen=True)
class Remaining:
    """What is left to find in a campaign, as far as a model can tell."""

    expected: Expectation
    n_scored: int
    enough: float  # share of the real ones from which on one may stop

    @property
    def may_stop(self) -> bool:
        return self.expected.share_done >= self.enough

    @property
    def percent_done(self) -> float:
        return 100 * self.expected.share_done


def remaining_in(campaign: Campaign) -> Remaining | None:
    """What is left in an open campaign; None where no model in use has scored its candidates."""
    model = LearntModel.objects.in_use()
    if model is None or campaign.closed:
        return None
    with connection.cursor() as cursor:
        cursor.execute(SCORES, [campaign.votes_wanted, campaign.pk])
        rows = cursor.fetchall()
    if not rows:
        return None
    probability, is_done = (np.array(column) for column in zip(*rows, strict=True))
    error = model.figures.get("calibration_error") or 0.0
    expected = expectation(probability.astype(float), is_done.astype(bool), error)
    return Remaining(expected, len(rows), options_in_force().learning.enough)


def priorities(refsource_ids, order: str) -> dict[int, float]:
    """{refsource_id: how early a candidate is asked for}, higher is earlier, of those with a score.

    Empty where the order is that of the evidence.
    """
    if order == QueueOrder.EVIDENCE:
        return {}
    current = LearntModel.objects.filter(is_current=True).values("pk")
    scores = GalScore.objects.filter(refsource_id__in=list(refsource_ids), model_id__in=current)
    rows = list(scores.values_list("refsource_id", "real"))
    real = np.array([p for _, p in rows], float)
    worth = real if order == QueueOrder.LIKELIEST else teaches(real)
    return {pk: float(one) for (pk, _), one in zip(rows, worth, strict=True)}
