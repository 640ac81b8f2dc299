"""Requests to process chips: asked for at once, opened as jobs by a worker or by who asks."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, starmap
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim, take
from exposures.models import (
    GalCheckpoint,
    GalImage,
    GalImageQuerySet,
    GalJob,
    GalOptionSet,
    Status,
)
from exposures.steps import LogStep
from galproject.configuration.loading import load_options
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.configuration.stored import options_of
from galproject.processing.pipeline import is_up_to_date
from galproject.queue.jobs import release_waiting
from galproject.queue.recovery import hand_out_again, recover_lost_work
from galproject.queue.sending import send_tasks
from galproject.queue.waiting import held_back

Level = GalCheckpoint.Level
# In the order of their ids, in which whoever takes several rows takes them.
TAKE_OVER = """
WITH free AS (
    SELECT galimages.id, job, wanted
    FROM unnest(%(images)s::bigint[], %(jobs)s::bigint[], %(statuses)s::text[])
        AS asked (image, job, wanted)
    JOIN galimages ON galimages.id = image
    WHERE status <> 'working' ORDER BY galimages.id FOR NO KEY UPDATE OF galimages
)
UPDATE galimages SET job_id = job, status = wanted, attempts = 0, error = '', step = '',
    queued = CASE WHEN wanted = 'queued' AND %(for_workers)s THEN %(now)s END
FROM free WHERE galimages.id = free.id
RETURNING galimages.id, job
"""


class AskedChip(NamedTuple):
    """What is to be known of a chip to put it on the queue, in its turn."""

    pk: int
    exposure_id: int
    is_reference: bool
    ccdnum: int
    mjd: float  # UTC

    @property
    def turn(self) -> tuple:
        """References first: what is asked for with them has to wait for them."""
        return not self.is_reference, self.mjd, self.exposure_id, self.ccdnum


@dataclass(frozen=True)
class Opening:
    """A job that is opened, and the chips to process: of one exposure."""

    job: GalJob
    chips: list[AskedChip]

    @property
    def is_reference(self) -> bool:
        """Whether others wait for it."""
        return any(chip.is_reference for chip in self.chips)


def ask(
    images: GalImageQuerySet,
    options: PipelineOptions | None = None,
    again: bool = False,
    requested_by: str = "",
) -> list[GalJob]:
    """Ask the workers for chips; returns their jobs, one for each exposure, at once.

    A worker opens the jobs before it does anything else: it leaves chips with up-to-date results
    (unless ``again``) and those being processed as they are, and puts the others on the queue.
    """
    hash = GalOptionSet.objects.of((options or load_options()).as_json()).hash
    return _ask(images, hash, again, requested_by)


def ask_failed(images: GalImageQuerySet, requested_by: str = "") -> list[GalJob]:
    """Ask the workers again for chips that failed or were interrupted; returns the jobs.

    They keep the options with which they were requested.
    """
    recover_lost_work()
    hand_out_again()
    return _ask(images.unfinished(), None, False, requested_by)


def _ask(
    images: GalImageQuerySet,
    option_set: UUID | None,
    again: bool,
    requested_by: str,
) -> list[GalJob]:
    """Ask for chips with a set of options or, without, with those that they were asked for last."""
    # References first, as in ``chips_to_do``.
    ordered = images.order_by("-is_reference", "exposure__mjd", "exposure_id", "ccdnum")
    asked = defaultdict(list)
    for pk, exposure_id, before in ordered.values_list("pk", "exposure_id", "job__option_set"):
        asked[exposure_id, option_set or before].append(pk)
    columns = {"again": again, "requested_by": requested_by}
    jobs = [
        GalJob(exposure_id=exposure, option_set_id=options, asked=ids, **columns)
        for (exposure, options), ids in asked.items()
    ]
    if jobs:
        with transaction.atomic():
            GalJob.objects.bulk_create(jobs)
            ids = [job.pk for job in jobs]
            transaction.on_commit(partial(send_tasks, "open_jobs", [(ids,)], first=True))
    return jobs


def open_jobs(job_ids: Collection[int]) -> None:
    """Put the chips on the queue that jobs were asked for with; what is open already is left.

    What can't be is told in the logs of the exposures.
    """
    recover_lost_work()
    with claim(Claimed.JOB, min(job_ids)) as is_claimed:
        asked = GalJob.objects.filter(pk__in=job_ids).exclude(asked=None).order_by("pk")
        jobs = list(asked) if is_claimed else []
        alike = defaultdict(list)
        for job in jobs:
            alike[job.option_set_id, job.again].append(job)
        for those in alike.values():
            try:
                _open_asked(those)
            except GalprojectError as error:
                _refuse(those, str(error))
    release_waiting()  # what waits for a reference that turned out to be done


def _open_asked(jobs: Sequence[GalJob]) -> None:
    """Open jobs that were asked for alike."""
    job_of = {pk: job.pk for job in jobs for pk in job.asked or ()}
    chips = defaultdict(list)
    asked = GalImage.objects.filter(pk__in=job_of)
    for chip in chips_to_do(asked, options_of(jobs[0]), jobs[0].again):
        chips[job_of[chip.pk]].append(chip)
    _open([Opening(job, chips[job.pk]) for job in jobs])


def _refuse(jobs: Sequence[GalJob], reason: str) -> None:
    """Close jobs whose chips can't be put on the queue, and say why."""
    with transaction.atomic():
        for job in _still_asked(jobs):
            job.asked, job.closed = None, timezone.now()
            job.save(update_fields=["asked", "closed"])
            note = f"{len(jobs)} exposures can't be put on the queue: {reason}"
            GalCheckpoint.objects.note(job, LogStep.ASKED, note, level=Level.ERROR)


def enqueue(
    images: GalImageQuerySet,
    options: PipelineOptions | None = None,
    again: bool = False,
    queued: bool = True,
    requested_by: str = "",
) -> list[GalJob]:
    """Open jobs for chips here and now; returns the jobs, one for each exposure.

    Chips with up-to-date results (unless ``again``), and those being processed, are left as they
    are. With ``queued`` the workers process the chips, and a search exposure waits until no
    reference of its field and filter is open; else the caller does, by ``jobs_of_this_process`` and
    ``work``.
    """
    recover_lost_work()
    options = options or load_options()
    columns = {
        "option_set": GalOptionSet.objects.of(options.as_json()),
        "again": again,
        "queued": queued,
        "requested_by": requested_by,
    }
    todo = groupby(chips_to_do(images, options, again), attrgetter("exposure_id"))
    openings = [Opening(GalJob(exposure_id=pk, **columns), list(chips)) for pk, chips in todo]
    _open(openings)
    return [opening.job for opening in openings]


def enqueue_failed(
    images: GalImageQuerySet, queued: bool = True, requested_by: str = ""
) -> list[GalJob]:
    """Open jobs here and now for the chips that failed or were interrupted; returns the jobs.

    They keep the options with which they were requested.
    """
    recover_lost_work()
    hand_out_again()
    unfinished = images.unfinished()
    before = GalJob.objects.filter(images__in=unfinished).distinct().order_by("pk")
    again = [
        enqueue(
            unfinished.filter(job=job), options_of(job), queued=queued, requested_by=requested_by
        )
        for job in list(before)
    ]
    return [job for jobs in again for job in jobs]


def chips_to_do(images: GalImageQuerySet, options: PipelineOptions, again: bool) -> list[AskedChip]:
    """Those of chips that are to be processed, in their turn."""
    kept: set[int] = set()
    if not again:
        done = images.done().select_related("exposure")
        kept = {image.pk for image in done.iterator(1000) if is_up_to_date(image, options)}
    free = images.exclude(status=Status.WORKING).order_by()
    columns = ("pk", "exposure_id", "is_reference", "ccdnum", "exposure__mjd")
    chips = starmap(AskedChip, free.values_list(*columns))
    return sorted((chip for chip in chips if chip.pk not in kept), key=attrgetter("turn"))


def _open(openings: Sequence[Opening]) -> None:
    """Open jobs for their chips: references, and then search images, which may wait for them."""
    for is_reference in (True, False):
        alike = [opening for opening in openings if opening.is_reference == is_reference]
        if alike:
            _open_alike(alike)


@transaction.atomic
def _open_alike(openings: Sequence[Opening]) -> None:
    """Open jobs for references, or for search images; all for the workers, or none."""
    for_workers = openings[0].job.queued
    openings = _begun(openings, for_workers)
    searches = {o.job.exposure_id for o in openings if for_workers and not o.is_reference}
    waiting = held_back(searches)
    taken = _take_over(openings, waiting, for_workers)
    n_chips = Counter(job_id for _, job_id in taken)
    lines = [
        GalCheckpoint(
            exposure_id=opening.job.exposure_id,
            step=LogStep.ASKED,
            note=_note(n_chips[opening.job.pk], opening.job.exposure_id in waiting),
        )
        for opening in openings
    ]
    GalCheckpoint.objects.bulk_create(lines)
    if for_workers:
        jobs = {o.job.pk for o in openings if o.job.exposure_id not in waiting}
        chips = [chip for chip in taken if chip[1] in jobs]
        transaction.on_commit(partial(send_tasks, "process_chip", chips))


def _begun(openings: Sequence[Opening], for_workers: bool) -> list[Opening]:
    """Store jobs as open; without those that another process has opened meanwhile."""
    if openings[0].job.asked is None:
        GalJob.objects.bulk_create([opening.job for opening in openings])
        if not for_workers:
            # Before ``recover_lost_work`` sees the job, and takes it for lost.
            for opening in openings:
                take(Claimed.JOB, opening.job.pk)
        return list(openings)
    still = {job.pk for job in _still_asked([opening.job for opening in openings])}
    GalJob.objects.filter(pk__in=still).update(asked=None)
    idle = [o.job.pk for o in openings if not o.chips and o.job.pk in still]
    GalJob.objects.filter(pk__in=idle).update(closed=timezone.now())
    return [opening for opening in openings if opening.job.pk in still]


def _still_asked(jobs: Iterable[GalJob]) -> list[GalJob]:
    """Those of jobs that nobody has opened yet, nor will before this transaction ends."""
    ids = [job.pk for job in jobs]
    return list(
        GalJob.objects.select_for_update().filter(pk__in=ids).exclude(asked=None).order_by("pk")
    )


def _take_over(
    openings: Sequence[Opening], waiting: Collection[int], for_workers: bool
) -> list[tuple[int, int]]:
    """Give chips to their jobs, but those that a worker has just begun; (image, job) ids."""
    chips = [(chip.pk, opening.job) for opening in openings for chip in opening.chips]
    values: dict[str, Any] = {
        "images": [pk for pk, _ in chips],
        "jobs": [job.pk for _, job in chips],
        "statuses": [
            str(Status.WAITING if job.exposure_id in waiting else Status.QUEUED) for _, job in chips
        ],
        "for_workers": for_workers,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE_OVER, values)
        taken = dict(cursor.fetchall())
    return [(pk, taken[pk]) for pk, _ in chips if pk in taken]


def _note(n_chips: int, is_waiting: bool) -> str:
    if not n_chips:
        return "nothing to do: all chips are up to date, or a worker is at them"
    return f"{n_chips} chips" + (", waiting for a reference" if is_waiting else "")
