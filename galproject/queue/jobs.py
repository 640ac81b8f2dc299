"""Jobs: requests to process exposures, by workers or by the requesting process."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Value
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from exposures.hosts import this_host
from exposures.locks import Claimed, claimed, locked, release, take
from exposures.models import (
    OPEN,
    GalCheckpoint,
    GalExposure,
    GalImage,
    GalImageQuerySet,
    GalJob,
    GalOptionSet,
    Status,
)
from exposures.q3c import Q3CWithin
from exposures.steps import LogStep
from galproject.configuration.loading import load_options
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.configuration.stored import options_of
from galproject.processing.calibration import calibrate_matched
from galproject.processing.chip_result import ChipResult, Outcome, result_of
from galproject.processing.crossmatch import crossmatch_job
from galproject.processing.matches import match_references, unmatched_references_of
from galproject.processing.pipeline import is_ended, is_up_to_date, process_chip, record_failure
from galproject.processing.variability import changed_catalogues, measure_catalogues
from galproject.queue.deaths import CRASHES, advice, death_text
from variables.flags.proposals import propose
from variables.pictures.render import catalogues_of

# A message that was fetched by a cluster which then died is sent again after this long.
LOST_AFTER = timedelta(minutes=2)
# Of tasks in the admin; those of others are by job.
GROUPS = {
    "render_cutouts": "pictures",
    "measure_variability": "variability",
    "match_catalogues": "matches",
    "calibrate_references": "calibrations",
    "renew_motions": "motions",
}
OTHER_MODULES = {"renew_motions": "galproject.references.tasks"}  # of tasks on references


def enqueue(
    images: GalImageQuerySet,
    options: PipelineOptions | None = None,
    again: bool = False,
    queued: bool = True,
    requested_by: str = "",
) -> list[GalJob]:
    """Enqueue chips with the same options; returns their jobs, one for each exposure.

    Chips with up-to-date results (unless ``again``), and those being processed, are left as they
    are. With ``queued`` the workers process the chips, and a search exposure waits until no
    reference of its field and filter is open; else the caller does, by ``jobs_of_this_process`` and
    ``work``.
    """
    recover_lost_work()
    options = options or load_options()
    todo = [
        image
        for image in images.select_related("exposure")
        if image.status != Status.WORKING and (again or not is_up_to_date(image, options))
    ]
    # References first: what is asked for with them has to wait for them.
    todo.sort(key=lambda i: (not i.is_reference, i.exposure.mjd, i.exposure_id, i.ccdnum))
    columns = {
        "option_set": GalOptionSet.objects.of(options.as_json()),
        "again": again,
        "queued": queued,
        "requested_by": requested_by,
    }
    return [_open_job(list(chips), columns) for _, chips in groupby(todo, lambda i: i.exposure_id)]


def _open_job(images: list[GalImage], columns: dict[str, Any]) -> GalJob:
    """Open a job with these ``columns`` for chips of one exposure."""
    exposure = images[0].exposure
    is_waiting = (
        columns["queued"]
        and not images[0].is_reference
        and references_near(exposure).open().exists()
    )
    status = Status.WAITING if is_waiting else Status.QUEUED
    with transaction.atomic():
        job = GalJob.objects.create(exposure=exposure, **columns)
        if not job.queued:
            take(
                Claimed.JOB, job.pk
            )  # before ``recover_lost_work`` sees the job, and takes it for lost
        # A worker may have begun one of them in this moment: then it is its.
        free = GalImage.objects.exclude(status=Status.WORKING).filter(pk__in=[i.pk for i in images])
        n_chips = free.update(job=job, status=status, attempts=0, error="", step="", queued=None)
        waiting = ", waiting for a reference" if is_waiting else ""
        GalCheckpoint.objects.note(job, LogStep.ASKED, f"{n_chips} chips{waiting}")
        if job.queued and not is_waiting:
            send(job.images.all())
    return job


def references_near(exposure: GalExposure) -> GalImageQuerySet:
    """Reference images of other exposures in the same filter that may share sky with one."""
    near = Q3CWithin(
        Value(exposure.ra),
        Value(exposure.dec),
        F("exposure__ra"),
        F("exposure__dec"),
        Value(load_options().fields.reach_degrees),
    )
    references = GalImage.objects.references().in_filter(exposure.filter)
    others: GalImageQuerySet = references.exclude(exposure=exposure).filter(near)
    return others


def send(images: GalImageQuerySet) -> None:
    """Enqueue a message for each chip once the transaction commits."""
    chips = list(images.order_by("job_id", "ccdnum").values_list("pk", "job_id"))
    queued = GalImage.objects.filter(pk__in=[pk for pk, _ in chips])
    queued.update(status=Status.QUEUED, queued=timezone.now())
    transaction.on_commit(partial(_send, "process_chip", chips))


def _send(task: str, messages: Iterable[tuple[int, ...]]) -> None:
    module = OTHER_MODULES.get(task, "galproject.queue.tasks")
    for message in messages:
        # Our own rows say what became of it.
        group = GROUPS.get(task, f"job {message[-1]}")
        async_task(f"{module}.{task}", *message, group=group, save=False)


@contextmanager
def jobs_of_this_process(jobs: Collection[GalJob]) -> Iterator[None]:
    """Jobs that this process does itself; what is left at the end is given up."""
    try:
        yield
    finally:
        # Where the database is lost, ``recover_lost_work`` does it later.
        with suppress(InterfaceError, OperationalError):
            for job in jobs:
                give_up(job)
                release(Claimed.JOB, job.pk)


def work(image_id: int, job_id: int) -> ChipResult:
    """Process one chip of a job, and close the job after its last; a ChipResult."""
    job = GalJob.objects.get(pk=job_id)
    result = process_chip(image_id, options_of(job), job.again, job_id)
    _finish_after_last(job)
    return result


def fail(image_id: int, job_id: int, how: str) -> ChipResult:
    """Fail a chip of a job whose worker died, with ``how`` it ended; a ChipResult.

    A chip that was stored just before its worker died is done all the same.
    """
    started = time.monotonic()
    with locked(Claimed.CHIP, [image_id]):  # until the dead one's session is gone, too
        image = GalImage.objects.select_related("exposure").get(pk=image_id)
        if is_ended(image, job_id):
            # Another job may have it by now.
            is_outcome = image.status in Outcome.values
            result = result_of(image, Outcome(image.status) if is_outcome else Outcome.BUSY)
        else:
            ended = death_text(how, image.step, image.host or this_host())
            result = record_failure(image, started, f"{image}: {ended}. {advice(how)}")
    _finish_after_last(GalJob.objects.get(pk=job_id))
    return result


def worker_died(host: str, pid: int, how: str) -> None:
    """Fail or recover the chip that a dead worker was processing.

    If the worker crashed, the chip fails. If it was killed, by somebody or for lack of memory, the
    chip is queued again.
    """
    dead = GalImage.objects.filter(status=Status.WORKING, job__queued=True, host=host, pid=pid)
    for image in dead:
        if how in CRASHES and image.job_id is not None:
            fail(image.pk, image.job_id, how)
            continue
        with locked(Claimed.CHIP, [image.pk]):  # until its session is gone, too
            pass
        _recover(image, how)


def _finish_after_last(job: GalJob) -> None:
    if job.closed is None and not job.images.open().exists():
        finish(job)


def finish(job: GalJob) -> None:
    """Close a job after its last chip and follow it up, by a worker if it is queued.

    It is done once, by the worker of its last chip or, if that died, by ``recover_lost_work``.
    """
    with transaction.atomic():
        is_first = close_job(job)
        if is_first and job.queued:
            _send("close_job", [(job.pk,)])
    if is_first and not job.queued:
        follow_up_job(job)


def follow_up_job(job: GalJob) -> None:
    """Follow up a closed job, which is idempotent.

    Its sources are cross-matched, flags proposed, references matched with published catalogues and
    calibrated by them, and variability measured.
    """
    crossmatch_job(job)
    propose([job.exposure])
    references, catalogues = unmatched_references_of(job), changed_catalogues(job)
    if job.queued:
        send_matches(reference.pk for reference in references)
        send_variability(catalogue.pk for catalogue in catalogues)
    else:
        for _ in measure_catalogues(catalogues):  # by which known variables are told
            pass
        for _ in match_references(references):
            pass
        for reference in references:
            calibrate_matched(reference.pk, wait=False)


def close_job(job: GalJob) -> bool:
    """Close a finished job and release what waited for it; false if it was closed before."""
    if not GalJob.objects.filter(pk=job.pk, closed=None).update(closed=timezone.now()):
        return False
    counts = Counter(job.images.values_list("status", flat=True))
    note = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing left"
    failed = counts[Status.FAILED] > 0
    level = GalCheckpoint.Level.WARNING if failed else GalCheckpoint.Level.INFO
    seconds = (timezone.now() - job.created).total_seconds()
    GalCheckpoint.objects.note(job, LogStep.CLOSED, note, value=round(seconds, 1), level=level)
    release_waiting()
    if job.queued:
        send_pictures(catalogues_of(job))
    return True


def send_pictures(catalogue_ids: Iterable[int]) -> None:
    """Enqueue the rendering of catalogues' cutouts."""
    _send("render_cutouts", [(pk,) for pk in catalogue_ids])


def send_variability(catalogue_ids: Iterable[int], again: bool = False) -> None:
    """Enqueue the measurement of catalogues' variability."""
    _send("measure_variability", [(pk, again) for pk in catalogue_ids])


def send_matches(reference_ids: Iterable[int], again: bool = False) -> None:
    """Enqueue the matching of references with published catalogues."""
    _send("match_catalogues", [(pk, again) for pk in reference_ids])


def send_calibrations(reference_ids: Iterable[int], wait: bool = True) -> None:
    """Enqueue the calibration of references' fields, once all of a field are matched or at once."""
    _send("calibrate_references", [(pk, wait) for pk in reference_ids])


def send_motions(reference_ids: Iterable[int]) -> None:
    """Enqueue new motions of references' sources, where their published stars are others."""
    _send("renew_motions", [(pk,) for pk in reference_ids])


def give_up(job: GalJob) -> None:
    """Close a job, leaving its open chips to be requested again."""
    left = job.images.open()
    n_left = left.update(status=Status.PENDING)
    if n_left:
        GalCheckpoint.objects.note(
            job, LogStep.INTERRUPTED, f"{n_left} chips left", level=GalCheckpoint.Level.WARNING
        )
    close_job(job)


def release_waiting() -> None:
    """Enqueue search chips that no longer wait for a reference."""
    for job in GalJob.objects.filter(images__status=Status.WAITING).distinct().order_by("pk"):
        waiting = job.images.filter(status=Status.WAITING)
        if not references_near(job.exposure).open().exists():
            with transaction.atomic():
                send(waiting)


def recover_lost_work() -> None:
    """Recover the work of processes that died, once a minute and before chips are enqueued.

    Chips of a dead worker are queued again, messages lost with a cluster are sent again, jobs of a
    dead command are given up, and jobs are closed if the worker of their last chip died before it
    did so. Safe at any time, and on any number of hosts at once.
    """
    _recover_interrupted()
    _send_lost()
    _give_up_abandoned()
    for job in GalJob.objects.open().filter(queued=True).exclude(images__status__in=OPEN):
        finish(job)
    release_waiting()


def _give_up_abandoned() -> None:
    jobs = list(GalJob.objects.open().filter(queued=False))
    in_hand = claimed(Claimed.JOB)  # after the look at the table: a job is claimed when it appears
    for job in jobs:
        if job.pk not in in_hand:
            give_up(job)


def _recover_interrupted() -> None:
    working = list(GalImage.objects.filter(status=Status.WORKING, job__queued=True))
    in_hand = claimed(Claimed.CHIP)  # after the look at the table: a chip may just have ended
    for image in working:
        if image.pk not in in_hand:
            _recover(image)


@transaction.atomic
def _recover(image: GalImage, how: str = "") -> None:
    # Of the same beginning: else another worker has begun it again since.
    lost = GalImage.objects.filter(
        pk=image.pk, status=Status.WORKING, started=image.started, job_id=image.job_id
    )
    ended = death_text(how, image.step, image.host) if how else ""
    if lost.update(status=Status.QUEUED, error=ended):
        gone = ended or f"while {image.step}: its worker on {image.host} is gone"
        note = f"{gone}; queued again"
        GalCheckpoint.objects.note(
            image, LogStep.INTERRUPTED, note, level=GalCheckpoint.Level.WARNING
        )
        send(GalImage.objects.filter(pk=image.pk))


def _send_lost() -> None:
    """Send again old messages if the queue has nothing left to be fetched.

    Such a message was fetched by a cluster that is busy with others, or that died. A chip that is
    sent twice is processed once.
    """
    overdue = GalImage.objects.filter(
        status=Status.QUEUED, job__queued=True, queued__lt=timezone.now() - LOST_AFTER
    )
    if overdue.exists() and get_broker().queue_size() == 0:
        with transaction.atomic():
            send(overdue)


def _hand_out_again() -> None:
    """Release fetched messages to be fetched again, in case their cluster died.

    Messages of a living cluster are then fetched twice, which the claims make harmless.
    """
    if Conf.ORM:
        OrmQ.objects.filter(lock__gt=timezone.now()).update(lock=timezone.now())


def enqueue_failed(
    images: GalImageQuerySet, queued: bool = True, requested_by: str = ""
) -> list[GalJob]:
    """Enqueue again the chips that failed or were interrupted.

    They keep the options with which they were requested. Returns the jobs.
    """
    recover_lost_work()
    _hand_out_again()
    unfinished = images.unfinished()
    before = GalJob.objects.filter(images__in=unfinished).distinct().order_by("pk")
    again = [
        enqueue(
            unfinished.filter(job=job), options_of(job), queued=queued, requested_by=requested_by
        )
        for job in list(before)
    ]
    return [job for jobs in again for job in jobs]
