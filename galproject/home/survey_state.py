"""The state of the survey on the first page: numbers, and work in progress."""

from collections import Counter
from dataclasses import dataclass
from math import inf

from django.db.models import Count, Exists, F, Max, OuterRef, Q

from exposures.models import GalImage, GalImageCount, Status
from galproject.status.working_status import state_now
from variables.models import (
    Campaign,
    CampaignObject,
    CountedAs,
    GalCandidate,
    GalCandidateCount,
    GalDecision,
    GalFlag,
)
from variables.models.candidate_querysets import ACCEPTED, HAS_CLASS

MAX_SHOWN = 6  # chips at work, failures
MAX_CAMPAIGNS = 4
TIMES = {1: "once", 2: "twice"}
# Of numbers of detections, first and last; None is open.
EVIDENCE = ((1, 1), (2, 2), (3, 4), (5, 8), (9, None))

Of = GalCandidateCount.Of
SHOWN = (Of.STAR_DETECTIONS, Of.VETTED, Of.DISPUTED, Of.UNDETECTED, Of.FLAGGED)


@dataclass(frozen=True)
class Images:
    """Numbers of chips by status, and of measurements."""

    by_status: dict  # {Status: number}
    n_references: int  # that are done
    n_measurements: int

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def n_done(self) -> int:
        return self.by_status.get(Status.DONE, 0)

    @property
    def segments(self) -> list[tuple[str, int, int]]:
        """Status, first chip and number of chips of each part of a bar."""
        parts, first = [], 0
        order = (Status.DONE, Status.WORKING, Status.QUEUED, Status.WAITING, Status.FAILED)
        for status in (*order, Status.PENDING):
            if n_chips := self.by_status.get(status, 0):
                parts.append((status, first, n_chips))
                first += n_chips
        return parts


@dataclass(frozen=True)
class DetectionCountBin:
    """The number of candidates with one number of detections."""

    first: int
    last: int | None
    n_candidates: int
    n_vetted: int
    share: float  # of the most that any kind of evidence has, percent

    @property
    def label(self) -> str:
        if self.last is None:
            return f"detected {self.first} times or more"
        if self.first == self.last:
            return f"detected {TIMES.get(self.first, f'{self.first} times')}"
        return f"detected {self.first} to {self.last} times"


@dataclass(frozen=True)
class CandidateCounts:
    """Numbers of accepted candidates, and of other changed sources."""

    evidence: tuple[DetectionCountBin, ...]
    varying_share: float  # of the most that any kind of evidence has, percent
    n_varying: int  # accepted by their light curves, and detected on no image
    n_vetted_varying: int  # of these
    n_accepted: int
    n_undetected: int  # each of their changes fails a cut
    n_vetted: int  # people agree on a class; of candidates that no open campaign keeps blind
    n_disputed: int  # the same
    n_flagged: int  # hidden


@dataclass(frozen=True)
class CampaignProgress:
    """A campaign in progress, as seen by one person."""

    campaign: Campaign
    n_objects: int
    n_done: int
    is_begun: bool  # by this person

    @property
    def percent(self) -> float:
        return 100 * self.n_done / max(self.n_objects, 1)


def images() -> Images:
    """Numbers of chips by status."""
    rows = list(GalImageCount.objects.by("status", "is_reference"))
    by_status = Counter()
    for row in rows:
        by_status[Status(row["status"])] += row["n"]
    done = (row for row in rows if row["status"] == Status.DONE and row["is_reference"])
    return Images(
        dict(by_status),
        n_references=sum(row["n"] for row in done),
        n_measurements=sum(row["n_measured"] for row in rows),
    )


def candidates() -> CandidateCounts:
    """Numbers of stars by how often they were detected.

    Votes count only as far as everybody may see them: numbers that changed with the user's own
    votes would reveal those of others.
    """
    rows = GalCandidateCount.objects.filter(of__in=SHOWN, known="").by("of", "number")
    numbers = {(row["of"], row["number"]): row["n"] for row in rows}
    for n_detections, n_vetted, n_disputed in _blind():
        numbers[Of.VETTED, n_detections] = numbers.get((Of.VETTED, n_detections), 0) - n_vetted
        numbers[Of.DISPUTED, 0] = numbers.get((Of.DISPUTED, 0), 0) - n_disputed

    def among(of, first=0, last=None):
        last = inf if last is None else last
        return sum(
            n for (one, number), n in numbers.items() if one == of and first <= number <= last
        )

    bins = [(among(Of.STAR_DETECTIONS, *ends), among(Of.VETTED, *ends)) for ends in EVIDENCE]
    n_varying = among(Of.STAR_DETECTIONS, 0, 0)
    most = max([*(n for n, _ in bins), n_varying, 1])
    return CandidateCounts(
        tuple(
            DetectionCountBin(*ends, n_candidates=n, n_vetted=n_vetted, share=100 * n / most)
            for ends, (n, n_vetted) in zip(EVIDENCE, bins, strict=True)
        ),
        varying_share=100 * n_varying / most,
        n_varying=n_varying,
        n_vetted_varying=among(Of.VETTED, 0, 0),
        n_accepted=among(Of.STAR_DETECTIONS),
        n_undetected=among(Of.UNDETECTED),
        n_vetted=among(Of.VETTED),
        n_disputed=among(Of.DISPUTED),
        n_flagged=among(Of.FLAGGED),
    )


def _blind():
    """Numbers of stars on which votes are blind, by detections: of a class, and disputed."""
    going_on = CampaignObject.objects.going_on().values("refsource_id")
    voted = GalCandidate.objects.filter(ACCEPTED, HAS_CLASS, pk__in=going_on)
    stars = voted.counted_as(CountedAs.ACCEPTED_STAR).order_by().values_list("star_detections")
    return stars.annotate(
        vetted=Count("consensus"), disputed=Count("pk", filter=Q(is_disputed=True))
    )


def campaigns_of(user) -> list[CampaignProgress]:
    """Open campaigns in which a person may vote, the last voted in first."""
    members = Campaign.members.through.objects.filter(campaign=OuterRef("pk"))
    open_ones = Campaign.objects.filter(
        Q(closed=None) & ~Exists(members) | Q(closed=None, members=user)
    )
    own = GalDecision.objects.filter(user=user, campaign__closed=None).order_by()
    last = dict(own.values_list("campaign").annotate(last=Max("pk")))
    found = sorted(open_ones, key=lambda c: -last.get(c.pk, 0))[:MAX_CAMPAIGNS]
    counts = _object_counts(found)
    return [CampaignProgress(c, *counts.get(c.pk, (0, 0)), c.pk in last) for c in found]


def _object_counts(campaigns):
    """Numbers of objects, and of fully voted ones, by campaign."""
    objects = CampaignObject.objects.filter(campaign__in=campaigns).order_by()
    is_done = Q(n_votes__gte=F("campaign__votes_wanted"))
    rows = objects.values_list("campaign").annotate(Count("pk"), done=Count("pk", filter=is_done))
    return {campaign: (n_objects, n_done) for campaign, n_objects, n_done in rows}


def at_work():
    """Chips being processed, or whose worker died, latest first."""
    working = GalImage.objects.filter(status=Status.WORKING).annotate(state=state_now())
    return list(working.select_related("exposure").order_by("-started")[:MAX_SHOWN])


def failures():
    """Chips that failed and were not run again, latest first."""
    failed = GalImage.objects.filter(status=Status.FAILED).select_related("exposure")
    return list(failed.order_by(F("finished").desc(nulls_last=True), "-pk")[:MAX_SHOWN])


def flag_counts():
    """Numbers of flags in force, and of proposals to decide on."""
    return GalFlag.objects.aggregate(
        standing=Count("pk", filter=Q(state=GalFlag.State.STANDING)),
        proposed=Count("pk", filter=Q(state=GalFlag.State.PROPOSED)),
    )
