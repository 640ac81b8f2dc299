"""The working status of exposures: chips by state, errors and pace."""

from collections import Counter
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, Q, TextChoices, Value, When
from django.utils import timezone

from exposures.keyset import newest
from exposures.locks import Claimed, claimed
from exposures.models import GalCheckpoint, GalImage, GalImageCount, GalJob, Status

PAGE = 50  # exposures
MAX_AT_WORK = 200  # exposures
# The pace of the whole is that of the last quarter of an hour.
RECENT = timedelta(minutes=15)
# By how much the clocks of hosts may differ.
SKEW = timedelta(seconds=5)


class State(TextChoices):
    """The state of a chip: its status, and whether a process still works on it."""

    WORKING = "working"
    QUEUED = "queued"
    WAITING = "waiting"  # for a reference
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"  # its worker is gone; it will be queued again by itself
    INTERRUPTED = "interrupted"  # asked for, and given up
    PENDING = "pending", "not asked for"


# From which the states follow.
STATUSES = {state: [state.value] for state in State} | {
    State.LOST: [Status.WORKING],
    State.INTERRUPTED: [Status.PENDING, Status.QUEUED, Status.WAITING],
}
BAR_ORDER = (State.DONE, *(state for state in State if state != State.DONE))
BEGUN = (Status.WORKING, Status.DONE, Status.FAILED)
ENDED = (Status.DONE, Status.FAILED)
ERROR = GalCheckpoint.Level.ERROR
NOT_OPENED = Q(closed=None, asked__isnull=False)


@dataclass(frozen=True)
class StatusQuery:
    """The selection of exposures to show, each by its last job."""

    since: datetime | None = None  # still open, or closed after this
    until: datetime | None = None  # asked for before this
    states: tuple[str, ...] = ()  # of any of its chips
    identifier: str = ""  # or a part of it
    exposure_ids: tuple[int, ...] | None = None
    doubted: bool = False  # only with chips whose quality is doubted
    before: int | None = None  # the job with which the page before this one ended


@dataclass(frozen=True)
class ChipCounts:
    """Numbers of chips by state."""

    working: int = 0
    queued: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0
    lost: int = 0
    interrupted: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        return sum(n for _, n in self.by_state)

    @property
    def open(self) -> int:
        """Requested chips that are not finished."""
        return self.working + self.queued + self.waiting + self.lost

    @property
    def unfinished(self) -> int:
        """The number of chips that "run again what failed" would run."""
        return self.failed + self.interrupted

    @property
    def by_state(self) -> list[tuple[State, int]]:
        return [(state, getattr(self, state)) for state in State]

    @property
    def segments(self) -> list[tuple[State, int, int]]:
        """State, first chip and number of chips of each part of a bar."""
        parts, first = [], 0
        for state in BAR_ORDER:
            if n_chips := getattr(self, state):
                parts.append((state, first, n_chips))
                first += n_chips
        return parts


@dataclass(frozen=True)
class ChipAtWork:
    """A chip being processed, or whose worker died."""

    ccdnum: int
    chip_name: str
    step: str
    host: str
    since: datetime
    is_lost: bool


@dataclass(frozen=True)
class DoubtedChip:
    """A chip whose changes are not counted, and why."""

    image_id: int
    ccdnum: int
    chip_name: str
    reasons: tuple[str, ...]  # in words; none: because somebody said so

    @property
    def why(self) -> str:
        return ", ".join(self.reasons) or "as somebody decided"


@dataclass(frozen=True)
class Pace:
    """The pace at which chips end; None if unknown."""

    chips_per_minute: float | None = None
    expected_end: datetime | None = None


@dataclass(frozen=True)
class ExposureStatus:
    """The status of one exposure."""

    exposure_id: int
    name: str  # "decam 610792 i"
    job_id: int  # the last
    requested_by: str
    chips: ChipCounts
    n_errors: int  # in all
    n_errors_since_start: int  # of the last job
    at_work: tuple[ChipAtWork, ...]
    doubted: tuple[DoubtedChip, ...]
    started: datetime  # when the last job was asked for
    ended: datetime | None
    pace: Pace


@dataclass(frozen=True)
class WorkingStatus:
    """Exposures at work, then a page of the latest requests; totals of the selection."""

    time: datetime
    exposures: tuple[ExposureStatus, ...]
    n_exposures: int
    n_asked: int  # of these, asked for and not put on the queue yet
    chips: ChipCounts
    n_errors: int
    n_errors_since_start: int
    n_doubted: int  # chips
    pace: Pace
    next_before: int | None  # ``StatusQuery.before`` of the next page; None: this is the last

    @property
    def wants_workers(self) -> bool:
        """Whether chips are asked for and no worker is running."""
        return (self.chips.queued > 0 or self.n_asked > 0) and self.chips.working == 0


def working_status(query: StatusQuery | None = None, limit: int = PAGE) -> WorkingStatus:
    """Read the WorkingStatus with a fixed number of queries."""
    query = query or StatusQuery()
    now, state = timezone.now(), state_now()
    jobs = _last_jobs(query, state)
    page, next_before = _page(jobs.select_related("exposure"), query.before, limit)
    chips, errors = _chips(page, state), _errors(page)
    at_work, doubted = _running_and_doubted(page, state)
    exposures = [
        _exposure_status(job, chips.get(job.exposure_id), at_work, doubted, errors, now)
        for job in page
    ]
    return WorkingStatus(
        time=now,
        exposures=tuple(exposures),
        next_before=next_before,
        **_totals(jobs, state, now),
    )


def _page(jobs, before, limit):
    """The jobs of a page, and the cursor of the next one.

    The queue takes the oldest requests first, so exposures at work are put on top of the first
    page, before the newest.
    """
    working = GalImage.objects.filter(exposure=OuterRef("exposure"), status=Status.WORKING)
    at_work = [] if before else newest(jobs.filter(Exists(working)), size=MAX_AT_WORK)[0]
    others, next_before = newest(jobs.filter(~Exists(working)), before, limit)
    return at_work + others, next_before


def images_of(query: StatusQuery):
    """The chips of all selected exposures, on any page."""
    jobs = _last_jobs(query, state_now())
    # As they are now: what is asked for them changes which are shown.
    return GalImage.objects.filter(exposure__in=list(jobs.values_list("exposure_id", flat=True)))


def state_now():
    """The state of a galimage as an expression, by the current claims.

    Claims are read before the table, so a chip that was begun in between has none of them, which
    does not make it lost.
    """
    just_now = timezone.now() - SKEW
    at_work, jobs = claimed(Claimed.CHIP), claimed(Claimed.JOB)
    left = Q(status__in=(Status.QUEUED, Status.WAITING), job__queued=False) & ~Q(job__in=jobs)
    is_live = Q(pk__in=at_work) | Q(started__gte=just_now)
    return Case(
        When(Q(status=Status.WORKING) & ~is_live, then=Value(State.LOST)),
        When(Q(status=Status.PENDING, job__isnull=False) | left, then=Value(State.INTERRUPTED)),
        default=F("status"),
    )


def _last_jobs(query, state):
    """The last job of each selected exposure."""
    later = GalJob.objects.filter(exposure=OuterRef("exposure"), pk__gt=OuterRef("pk"))
    jobs = GalJob.objects.filter(~Exists(later))
    if query.since:
        jobs = jobs.filter(Q(closed=None) | Q(closed__gte=query.since))
    if query.until:
        jobs = jobs.filter(created__lte=query.until)
    if query.identifier:
        jobs = jobs.filter(exposure__identifier__icontains=query.identifier)
    if query.exposure_ids is not None:
        jobs = jobs.filter(exposure__in=query.exposure_ids)
    if query.doubted:
        doubted = GalImageCount.objects.filter(is_doubted=True)
        jobs = jobs.filter(exposure__in=doubted.exposures())
    if query.states:
        jobs = jobs.filter(_has_chips(query.states, state))
    return jobs


def _has_chips(states, state):
    """The condition that an exposure of a job has chips in any of some states."""
    # Nearly all chips are at an end, and their status is all of their state.
    counted = GalImageCount.objects.filter(status__in=[one for one in ENDED if one in states])
    statuses = {status for name in states for status in STATUSES[State(name)]} - set(ENDED)
    others = GalImage.objects.filter(status__in=statuses).annotate(state=state)
    others = others.filter(state__in=states).order_by()
    return Q(exposure__in=counted.exposures()) | Q(exposure__in=others.values("exposure"))


def _counts():
    """Aggregates over galimages with their state: the fields of ChipCounts."""
    return {f"n_{state}": Count("pk", filter=Q(state=state.value)) for state in State}


def _chip_counts(row):
    return ChipCounts(**{field.name: row[f"n_{field.name}"] for field in fields(ChipCounts)})


def _chips(page, state):
    """Counts and times of a page's chips, by exposure."""
    in_job = Q(job__in=[job.pk for job in page])
    images = GalImage.objects.filter(exposure__in=[job.exposure_id for job in page])
    rows = images.annotate(state=state).values("exposure_id")
    rows = rows.annotate(
        **_counts(),
        n_ended=Count("pk", filter=in_job & Q(status__in=ENDED)),
        first_started=Min("started", filter=in_job & Q(status__in=BEGUN)),
        last_finished=Max("finished", filter=in_job & Q(status__in=ENDED)),
    )
    return {row["exposure_id"]: row for row in rows}


def _running_and_doubted(page, state):
    """The running and the doubted chips of a page, each by exposure."""
    images = GalImage.objects.filter(exposure__in=[job.exposure_id for job in page])
    images = images.filter(Q(status=Status.WORKING) | Q(is_doubted=True)).annotate(state=state)
    at_work, doubted = {}, {}
    for image in images.order_by("started", "ccdnum"):
        if image.status == Status.WORKING:
            is_lost = image.state == State.LOST
            facts = image.ccdnum, image.chip_name, image.step, image.host, image.started
            at_work.setdefault(image.exposure_id, []).append(ChipAtWork(*facts, is_lost=is_lost))
        if image.is_doubted:
            reasons = tuple(image.doubt_labels)
            chip = DoubtedChip(image.pk, image.ccdnum, image.chip_name, reasons)
            doubted.setdefault(image.exposure_id, []).append(chip)
    return at_work, doubted


def _error_counts():
    since_start = Q(exposure__checkpoints__time__gte=F("created"))
    return {
        "n_errors": Count("exposure__checkpoints"),
        "n_errors_since_start": Count("exposure__checkpoints", filter=since_start),
    }


def _errors(page):
    """Numbers of errors, by job."""
    jobs = GalJob.objects.filter(pk__in=[job.pk for job in page])
    with_errors = jobs.filter(exposure__checkpoints__level=ERROR)
    rows = with_errors.order_by().values("pk").annotate(**_error_counts())
    return {row.pop("pk"): row for row in rows}


def _exposure_status(job, row, at_work, doubted, errors, now):
    chips = _chip_counts(row) if row else ChipCounts()
    pace = Pace()
    if row and row["n_ended"]:
        end = row["last_finished"] if job.closed else now
        pace = _pace(row["n_ended"], chips.open, row["first_started"], end)
    return ExposureStatus(
        exposure_id=job.exposure_id,
        name=str(job.exposure),
        job_id=job.pk,
        requested_by=job.requested_by,
        chips=chips,
        at_work=tuple(at_work.get(job.exposure_id, ())),
        doubted=tuple(doubted.get(job.exposure_id, ())),
        started=job.created,
        ended=job.closed,
        pace=pace,
        **errors.get(job.pk, {"n_errors": 0, "n_errors_since_start": 0}),
    )


def _totals(jobs, state, now):
    """The fields of WorkingStatus that are totals of the selection."""
    exposures = jobs.order_by().values("exposure")
    images = GalImage.objects.filter(exposure__in=exposures).order_by()
    recent = images.filter(status__in=ENDED, finished__gte=now - RECENT)
    recent = recent.aggregate(n=Count("pk"), first_started=Min("started"))
    counts = list(
        GalImageCount.objects.filter(exposure_id__in=exposures).by("status", "is_doubted")
    )
    chips = _chips_by_state(counts, images, state)
    errors = jobs.filter(exposure__checkpoints__level=ERROR).order_by().aggregate(**_error_counts())
    first_started = recent["first_started"] or now
    return {
        **jobs.order_by().aggregate(
            n_exposures=Count("pk"), n_asked=Count("pk", filter=NOT_OPENED)
        ),
        "n_doubted": sum(row["n"] for row in counts if row["is_doubted"]),
        "chips": chips,
        "pace": _pace(recent["n"], chips.open, max(first_started, now - RECENT), now),
        **errors,
    }


def _chips_by_state(counts, images, state):
    """ChipCounts by numbers that are kept by status, and a look at chips of another state."""
    numbers = Counter()
    for row in counts:
        numbers[row["status"]] += row["n"]
    left = Q(status=Status.WORKING) | Q(status=Status.PENDING, job__isnull=False)
    left |= Q(status__in=(Status.QUEUED, Status.WAITING), job__queued=False)
    others = images.filter(left).annotate(state=state).exclude(state=F("status"))
    for row in others.values("status", "state").annotate(n=Count("pk")):
        numbers[row["status"]] -= row["n"]
        numbers[row["state"]] += row["n"]
    return ChipCounts(**{one.value: numbers[one.value] for one in State})


def _pace(n_ended, n_open, start, end):
    """The pace between two times, and the predicted end of the rest."""
    if not n_ended or start is None or end is None or end <= start:
        return Pace()
    minutes = (end - start).total_seconds() / 60
    left = timedelta(minutes=n_open * minutes / n_ended)
    return Pace(n_ended / minutes, end + left if n_open else None)
