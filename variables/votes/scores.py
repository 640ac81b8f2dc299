"""What a model says of candidates, for those who may know it: not before their own vote."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from variables.models import CampaignObject, GalDecision, GalScore, LearntModel, TaxonomyClass
from variables.votes.blindness import note_score_shown

LEAST_TOLD = 0.05  # probability of a class, below which it isn't worth a word


@dataclass(frozen=True)
class SeenScore:
    """What the model in use says of a candidate."""

    real: float  # probability that it is real
    classes: tuple[tuple[str, float], ...]  # (label, probability), the likeliest first

    @property
    def percent(self) -> str:
        return percent(self.real)

    @property
    def text(self) -> str:
        """In words: "real 93 %; RR Lyrae 80 %, eclipsing binary 9 %"."""
        told = [f"{label} {percent(p)}" for label, p in self.classes if p >= LEAST_TOLD]
        return "; ".join([f"real {self.percent}", *([", ".join(told)] if told else [])])


def percent(probability: float) -> str:
    """A probability in words, of which none is certain."""
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def show_scores(refsource_ids: Iterable[int], user) -> dict[int, SeenScore]:
    """As ``seen_scores``, and record that they are shown: no other vote would be blind to them."""
    seen = seen_scores(refsource_ids, user)
    note_score_shown(user, seen)
    return seen


def score_before(user, campaign, refsource_id: int) -> dict:
    """What the model says of the candidate that a user voted on before one, as JSON; {} if nothing.

    Not of that one: who struck the wrong key takes the vote back at once and gives another.
    """
    votes = GalDecision.objects.votes_standing().filter(user=user, campaign=campaign)
    before = votes.exclude(refsource_id=refsource_id).order_by("-pk").first()
    seen = show_scores([before.refsource_id], user) if before else {}
    told = [{"refsource_id": str(pk), "text": score.text} for pk, score in seen.items()]
    return {"score": told[0]} if told else {}


def seen_scores(refsource_ids: Iterable[int], user=None) -> dict[int, SeenScore]:
    """{refsource_id: SeenScore} of those that a user may know; without a user, that everybody may.

    As long as a campaign goes on, only who has voted on a candidate since it began may know what
    the model says of it, unless the campaign shows scores to all who vote in it. Of what people
    check for the model itself nobody knows it until then.
    """
    of_candidate = {"refsource_id": OuterRef("refsource_id")}
    objects = CampaignObject.objects
    blind = objects.blind_to(user).filter(campaign__shows_scores=False, **of_candidate)
    checked = objects.going_on().exclude(check_rank=None).filter(**of_candidate)
    current = LearntModel.objects.filter(is_current=True).values("pk")
    scores = GalScore.objects.filter(refsource_id__in=list(refsource_ids), model_id__in=current)
    seen = list(scores.exclude(Exists(blind)).exclude(Exists(checked)))
    ids = {pk for one in seen for pk, _ in one.classes}
    labels = (
        dict(TaxonomyClass.objects.filter(pk__in=ids).values_list("pk", "label")) if ids else {}
    )
    return {
        one.refsource_id: SeenScore(
            one.real, tuple((labels[pk], p) for pk, p in one.classes if pk in labels)
        )
        for one in seen
    }
