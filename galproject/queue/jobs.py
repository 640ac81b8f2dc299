"""Jobs: requests to process exposures, by workers or by the requesting process."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from exposures.hosts import this_host
from exposures.locks import Claimed, locked, release
from exposures.models import GalCheckpoint, GalImage, GalImageQuerySet, GalJob, Status
from exposures.steps import LogStep
from galproject.configuration.stored import options_of
from galproject.processing.calibration import calibrate_matched
from galproject.processing.chip_result import ChipResult, Outcome, result_of
from galproject.processing.crossmatch import crossmatch_job
from galproject.processing.matches import match_sources, unmatched_references_of
from galproject.processing.pipeline import is_ended, process_chip, record_failure
from galproject.processing.variability import changed_catalogues, measure_catalogue
from galproject.queue.deaths import advice, death_text
from galproject.queue.sending import send_tasks
from galproject.queue.waiting import held_back
from variables.flags.proposals import propose
from variables.notices.writing import tell_failed
from variables.pictures.render import catalogues_of
from variables.watches.telling import tell_watches


def send(images: GalImageQuerySet) -> None:
    """Enqueue a message for each chip once the transaction commits."""
    chips = list(images.order_by("job_id", "ccdnum").values_list("pk", "job_id"))
    queued = GalImage.objects.filter(pk__in=[pk for pk, _ in chips])
    queued.update(status=Status.QUEUED, queued=timezone.now())
    transaction.on_commit(partial(send_tasks, "process_chip", chips))


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


def work(image_id: int, job_id: int, measure: bool = True) -> ChipResult:
    """Process one chip of a job, and close the job after its last; a ChipResult.

    ``measure`` as in ``follow_up_job``.
    """
    job = GalJob.objects.get(pk=job_id)
    result = process_chip(image_id, options_of(job), job.again, job_id)
    _finish_after_last(job, measure)
    return result


def fail(image_id: int, job_id: int, how: str, measure: bool = True) -> ChipResult:
    """Fail a chip of a job whose worker died, with ``how`` it ended; a ChipResult.

    A chip that was stored just before its worker died is done all the same. ``measure`` as in
    ``follow_up_job``.
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
    _finish_after_last(GalJob.objects.get(pk=job_id), measure)
    return result


def _finish_after_last(job: GalJob, measure: bool) -> None:
    if job.closed is None and not job.images.open().exists():
        finish(job, measure)


def finish(job: GalJob, measure: bool = True) -> None:
    """Close a job after its last chip and follow it up, by a worker if it is queued.

    It is done once, by the worker of its last chip or, if that died, by ``recover_lost_work``.
    """
    with transaction.atomic():
        is_first = close_job(job)
        if is_first and job.queued:
            send_tasks("close_job", [(job.pk,)])
    if is_first and not job.queued:
        follow_up_job(job, measure)


def follow_up_job(job: GalJob, measure: bool = True) -> None:
    """Follow up a closed job, which is idempotent.

    Its sources are cross-matched, flags proposed, references matched with published catalogues and
    calibrated by them, variability measured, and watches told what is new. From the matches on
    workers do it for a job of the queue, and of another whoever runs it unless ``measure``.
    """
    crossmatch_job(job)
    propose([job.exposure])
    if job.queued:
        send_matches(reference.pk for reference in unmatched_references_of(job))
        send_variability(catalogue.pk for catalogue in changed_catalogues(job))
        send_tasks("mail_notices", [()], first=True)
        if settings.GALPROJECT_ALERTS:
            send_tasks("send_alerts", [(job.exposure_id,)])
    elif measure:
        measure_jobs([job])


def _one_by_one(function: Callable[[int], Any], ids: Iterable[int]) -> None:
    for pk in ids:
        function(pk)


def measure_jobs(jobs: Iterable[GalJob], call_with_each: Callable = _one_by_one) -> None:
    """Measure, match and calibrate what closed jobs changed or made, and tell watches.

    ``call_with_each`` calls a function with each of several ids, in this process by default.
    """
    catalogues = {one.pk: None for job in jobs for one in changed_catalogues(job)}
    references = {one.pk: None for job in jobs for one in unmatched_references_of(job)}
    call_with_each(measure_catalogue, catalogues)  # by which known variables are told
    call_with_each(match_sources, references)
    for pk in references:
        calibrate_matched(pk, wait=False)
    tell_watches()


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
    if failed:
        tell_failed(job, f"{counts[Status.FAILED]} chips of {job.exposure}")
    release_waiting()
    if job.queued:
        send_pictures(catalogues_of(job))
    return True


def send_pictures(catalogue_ids: Iterable[int]) -> None:
    """Enqueue the rendering of catalogues' cutouts."""
    send_tasks("render_cutouts", [(pk,) for pk in catalogue_ids])


def send_variability(catalogue_ids: Iterable[int], again: bool = False) -> None:
    """Enqueue the measurement of catalogues' variability."""
    send_tasks("measure_variability", [(pk, again) for pk in catalogue_ids])


def send_matches(reference_ids: Iterable[int], again: bool = False) -> None:
    """Enqueue the matching of references with published catalogues."""
    send_tasks("match_catalogues", [(pk, again) for pk in reference_ids])


def send_calibrations(reference_ids: Iterable[int], wait: bool = True) -> None:
    """Enqueue the calibration of references' fields, once all of a field are matched or at once."""
    send_tasks("calibrate_references", [(pk, wait) for pk in reference_ids])


def send_motions(reference_ids: Iterable[int]) -> None:
    """Enqueue new motions of references' sources, where their published stars are others."""
    send_tasks("renew_motions", [(pk,) for pk in reference_ids])


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
    waiting = GalImage.objects.filter(status=Status.WAITING, job__isnull=False)
    release_jobs(dict(waiting.values_list("job_id", "exposure_id").distinct()))


def release_jobs(waiting: Mapping[int, int]) -> None:
    """Enqueue waiting chips of jobs, exposures by job, of which no reference is open any more."""
    held = held_back(waiting.values())
    if free := [job_id for job_id, exposure_id in waiting.items() if exposure_id not in held]:
        with transaction.atomic():
            send(GalImage.objects.filter(job__in=free, status=Status.WAITING))
