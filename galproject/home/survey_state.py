"""The state of the survey on the first page: numbers, and work in progress."""

from dataclasses import dataclass

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Sum

from exposures.models import GalImage, Status
from galproject.status.working_status import state_now
from variables.models import Campaign, CampaignObject, GalCandidate, GalDecision, GalFlag
from variables.models.candidates import ACCEPTED

MAX_SHOWN = 6  # chips at work, failures
MAX_CAMPAIGNS = 4
TIMES = {1: "once", 2: "twice"}
# Of numbers of detections, first and last; None is open.
EVIDENCE = ((1, 1), (2, 2), (3, 4), (5, 8), (9, None))


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
    """Count chips by status in one pass over galimages."""
    rows = GalImage.objects.order_by().values("status")
    is_catalogue = Q(is_reference=True, status=Status.DONE)
    numbers = {"n_sources": Sum("n_sources"), "n_references": Count("pk", filter=is_catalogue)}
    rows = list(rows.annotate(n=Count("pk"), **numbers))
    return Images(
        {Status(row["status"]): row["n"] for row in rows},
        n_references=sum(row["n_references"] for row in rows),
        n_measurements=sum(row["n_sources"] or 0 for row in rows),
    )


def candidates() -> CandidateCounts:
    """Count stars by number of detections in one pass over galcandidates.

    Votes count only as far as everybody may see them: numbers that changed with the user's own
    votes would reveal those of others.
    """
    numbers = {"accepted": Q(), "vetted": Q(consensus__isnull=False, shows_class=True)}
    numbers["disputed"] = Q(is_disputed=True, shows_class=True)
    for first, last in EVIDENCE:
        within = Q(star_detections__gte=first)
        within &= Q() if last is None else Q(star_detections__lte=last)
        numbers[f"from_{first}"] = within
        numbers[f"vetted_from_{first}"] = within & numbers["vetted"]
    numbers["varying"] = Q(star_detections=0)
    numbers["vetted_varying"] = numbers["varying"] & numbers["vetted"]
    conditions = {name: condition & ACCEPTED for name, condition in numbers.items()}
    conditions["undetected"] = Q(star_detections=0, varies=False, is_flagged=False)
    conditions["flagged"] = Q(is_flagged=True)
    counts = {name: Count("pk", filter=condition) for name, condition in conditions.items()}
    row = GalCandidate.objects.as_seen_by().current().one_a_star().aggregate(**counts)
    most = max([row[f"from_{first}"] for first, _ in EVIDENCE] + [row["varying"], 1])
    return CandidateCounts(
        tuple(
            DetectionCountBin(
                first,
                last,
                n_candidates=row[f"from_{first}"],
                n_vetted=row[f"vetted_from_{first}"],
                share=100 * row[f"from_{first}"] / most,
            )
            for first, last in EVIDENCE
        ),
        varying_share=100 * row["varying"] / most,
        n_varying=row["varying"],
        n_vetted_varying=row["vetted_varying"],
        n_accepted=row["accepted"],
        n_undetected=row["undetected"],
        n_vetted=row["vetted"],
        n_disputed=row["disputed"],
        n_flagged=row["flagged"],
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
