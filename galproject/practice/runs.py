"""Runs of practice: what is asked, what was answered, and what is told of it."""

import random
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from galproject.help.simulated_curves import ERROR_MAG, SIGNS, SIMULATED, random_curve
from galproject.models import PracticeItem, PracticeRun
from variables.light_curves.light_curve_data import MISSED, light_curve_data
from variables.models import GalCandidate, GalPeriod, Taxonomy, TaxonomyClass
from variables.vetting.known_stars import going_on, known_stars

N_ITEMS = 20
JD_OF_MJD = 2_400_000.5


class PracticeError(GalprojectError):
    """An answer, or a run, that can't be."""


@dataclass(frozen=True)
class Told:
    """What is told of an item that was answered."""

    item: PracticeItem
    why: str
    url: str  # of the candidate; "" of simulated stars

    @property
    def is_right(self) -> bool:
        return self.item.is_right


def run_of(user) -> PracticeRun | None:
    """The run that a user is in; None if none is begun, or all of it is answered."""
    return PracticeRun.objects.filter(user=user, finished=None).first()


def offers_practice(user) -> bool:
    """Whether the first page offers practice: to who may vote, until they have done it once."""
    if not user.has_perm("variables.add_galdecision"):
        return False
    return not user.practice_runs.exclude(finished=None).exists()


@transaction.atomic
def begin(user) -> PracticeRun:
    """The run that a user is in, or a new one. Raises PracticeError without classes."""
    # Two clicks begin one run.
    get_user_model().objects.select_for_update().get(pk=user.pk)
    if run := run_of(user):
        return run
    taxonomy = Taxonomy.objects.filter(is_current=True).first()
    classes = list(taxonomy.classes.filter(parent=None)) if taxonomy else []
    simulated = [one for one in classes if one.slug in SIMULATED]
    if not simulated:
        raise PracticeError("No current taxonomy has a class that could be practised")
    run = PracticeRun.objects.create(user=user)
    items = [
        PracticeItem(refsource_id=one.candidate.pk, truth=one.choice) for one in _mixed(classes)
    ]
    # What is missing is simulated, each class as often as the others.
    items += [
        _simulated(simulated[number % len(simulated)]) for number in range(N_ITEMS - len(items))
    ]
    random.shuffle(items)
    for rank, item in enumerate(items, 1):
        item.run, item.rank = run, rank
    PracticeItem.objects.bulk_create(items)
    return run


def _mixed(classes):
    """Up to N_ITEMS known stars, of each class as many as there are of it in turn."""
    by_class = {}
    for one in known_stars(classes, N_ITEMS):
        by_class.setdefault(one.choice.pk, []).append(one)
    for stars in by_class.values():
        random.shuffle(stars)
    in_turn = [
        stars[number]
        for number in range(N_ITEMS)
        for stars in by_class.values()
        if number < len(stars)
    ]
    return in_turn[:N_ITEMS]


def _simulated(choice):
    kind = SIMULATED[choice.slug]
    return PracticeItem(kind=kind, seed=random.randrange(2**31), truth=choice)


def next_item(run) -> PracticeItem | None:
    """The first item that is not answered; None once all are.

    A candidate that has come into an open campaign meanwhile, or is gone, is replaced by a
    simulated star: nobody may be told of it any more.
    """
    item = run.items.filter(answer=None).select_related("truth").order_by("rank").first()
    if item is not None and not may_be_told(item):
        _replace(item)
    return item


def may_be_told(item) -> bool:
    """Whether what an item is may be told: not of a candidate of an open campaign."""
    if item.refsource_id is None:
        return True
    there = GalCandidate.objects.filter(pk=item.refsource_id)
    return there.exclude(pk__in=going_on()).exists()


def _replace(item):
    taxonomy = item.truth.taxonomy
    choice = random.choice(list(taxonomy.classes.filter(slug__in=SIMULATED, parent=None)))
    other = _simulated(choice)
    item.refsource_id, item.kind, item.seed, item.truth = None, other.kind, other.seed, choice
    item.save(update_fields=["refsource_id", "kind", "seed", "truth"])


@transaction.atomic
def answer(run, rank, slug) -> PracticeItem:
    """Record the answer to an item, once; the last one ends the run. Raises PracticeError."""
    item = run.items.select_for_update().filter(rank=rank).first()
    if item is None:
        raise PracticeError("There is no such item")
    if item.answer_id is not None:
        return item
    choices = TaxonomyClass.objects.filter(taxonomy=item.truth.taxonomy, parent=None)
    item.answer = choices.filter(slug=slug).first()
    if item.answer is None:
        raise PracticeError(f"There is no class “{slug[:40]}”")
    if not may_be_told(item):
        raise PracticeError("This candidate is in a campaign now: here is another one")
    item.answered = timezone.now()
    item.save(update_fields=["answer", "answered"])
    if not run.items.filter(answer=None).exists():
        PracticeRun.objects.filter(pk=run.pk).update(finished=timezone.now())
    return item


def told_of(user, run_id, rank) -> Told | None:
    """What is told of an answered item of a user's own; None if nothing may be."""
    items = PracticeItem.objects.select_related("truth", "answer")
    item = items.filter(run__user=user, run=run_id, rank=rank).exclude(answer=None).first()
    if item is None or not may_be_told(item):
        return None
    if item.refsource_id is None:
        return Told(item, _why_simulated(item), "")
    candidate = GalCandidate.objects.get(pk=item.refsource_id)
    return Told(item, _why_known(candidate), candidate.get_absolute_url())


def _why_simulated(item):
    curve = random_curve(item.kind, item.seed)
    period = f", period {curve.period_days:.4g} d" if curve.period_days else ""
    return f"Simulated{period}, amplitude {curve.amplitude_mag:.2f} mag: {SIGNS[item.kind]}."


def _why_known(candidate):
    facts = [f"amplitude {candidate.amplitude_mag:.2f} mag"] if candidate.amplitude_mag else []
    if candidate.period_days:
        facts.append(f"period {candidate.period_days:.5g} d")
    if candidate.known_name:
        facts.append(f"{candidate.known_name} in catalogues, {candidate.known_class}".rstrip(", "))
    facts.append(f"likely cause: {candidate.get_cause_display()}")
    return f"A star of this survey whose class is known: {'; '.join(facts)}."


def curve_of(item) -> dict:
    """The light curves of an item as pages draw them, and its possible periods."""
    if item.refsource_id is None:
        return _simulated_curve(item)
    periods = GalPeriod.objects.filter(refsource_id=item.refsource_id).order_by("rank")
    days = [{"days": one} for one in periods.values_list("days", flat=True)]
    return {"curves": light_curve_data(item.refsource_id), "periods": days}


def _simulated_curve(item):
    curve = random_curve(item.kind, item.seed)
    n = len(curve.mjd)
    one = {
        "filter": "i",
        "refsource_id": 0,
        "is_blend": False,
        "is_detrended": False,
        "image_id": list(range(n)),
        "image": ["simulated"] * n,
        "mjd": [round(float(time), 6) for time in curve.mjd],
        "bjd_tdb": [round(float(time) + JD_OF_MJD, 6) for time in curve.mjd],
        "mag": [round(float(mag), 4) for mag in curve.mag],
        "mag_err": [ERROR_MAG] * n,
        "is_reference": [False] * n,
        "is_detection": [False] * n,
        "significance": [None] * n,
        "vanished_mjd": [],
        "non_detections": {name: [] for name in MISSED},
    }
    periods = [{"days": curve.period_days}] if curve.period_days else []
    return {"curves": {"refsource_id": 0, "filters": [one]}, "periods": periods}
