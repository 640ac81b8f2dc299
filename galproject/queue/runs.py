"""Runs of exposures: split into chips, processed by one or several processes."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError

from exposures.errors import GalprojectError, InputFileError
from exposures.fits import read_exposure
from exposures.hosts import this_host
from exposures.ingest import distinct, ingest_exposure
from exposures.management.command_errors import database_lost
from exposures.models import GalImage, GalJob, Status
from galproject.configuration.loading import load_options
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.chip_result import ChipResult, Outcome, result_of
from galproject.processing.pipeline import make_references
from galproject.queue import jobs
from galproject.queue.asking import enqueue
from galproject.queue.deaths import death_text
from galproject.queue.pooled import pooled
from galproject.queue.worker_pool import Death

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessingPlan:
    """The chips to process, and errors of unusable files."""

    image_ids: tuple[int, ...]
    errors: tuple[GalprojectError, ...]


def prepare(
    paths: Iterable[Path | str],
    options: PipelineOptions | None = None,
    is_reference: bool = False,
    ccds: Collection[int] | None = None,
) -> ProcessingPlan:
    """Read exposures' headers and enter them, before any pixel is read.

    A file that can't be used becomes an error, and the others go on. Raises GalprojectError if the
    catalogue does not exist.
    """
    options = options or load_options()
    options.opened_catalogue()
    paths, errors = distinct(paths)
    image_ids = []
    for path in paths:
        try:
            facts = read_exposure(Path(path), options.input)
            images = ingest_exposure(facts, ccds, options.input)
            if any(image.pk in image_ids for image in images):
                raise InputFileError(
                    path,
                    f"exposure {facts.identifier} is given twice",
                    "Give one file of each exposure; it is processed once",
                )
            if is_reference:
                make_references(images)
            image_ids += [image.pk for image in images]
        except GalprojectError as error:
            errors.append(error)
    return ProcessingPlan(tuple(image_ids), tuple(errors))


def process_exposure(
    path: Path | str,
    options: PipelineOptions | None = None,
    is_reference: bool = False,
    ccds: Collection[int] | None = None,
    workers: int = 1,
) -> list[ChipResult]:
    """Enter one exposure and process its chips; a list of ChipResult.

    It does what ``manage.py process_exposure`` does. Raises GalprojectError if the file itself
    can't be used; the error of a failed chip is in its result.
    """
    options = options or load_options()
    plan = prepare([path], options, is_reference, ccds)
    if plan.errors:
        raise plan.errors[0]
    return list(run_chips(plan.image_ids, options, workers))


def run_chips(
    image_ids: Collection[int],
    options: PipelineOptions,
    workers: int = 1,
    again: bool = False,
) -> Iterator[ChipResult]:
    """Process chips and yield each ChipResult as it comes; with one worker in this process.

    With several workers, a chip whose process is ended by a signal fails alone. Raises
    GalprojectError if the database is lost.
    """
    images = GalImage.objects.filter(pk__in=image_ids)
    try:
        enqueued = enqueue(images, options, again, queued=False)
    except DatabaseError as error:
        raise database_lost(error) from error
    for image in images.exclude(job__in=enqueued).select_related("exposure"):
        in_hand = image.status == Status.WORKING
        yield result_of(image, Outcome.BUSY if in_hand else Outcome.UNCHANGED)
    yield from run_jobs(enqueued, workers)


def run_jobs(enqueued: Collection[GalJob], workers: int = 1) -> Iterator[ChipResult]:
    """Process the chips of jobs that are not for the queue; yields and raises as ``run_chips``."""
    try:
        with jobs.jobs_of_this_process(enqueued):
            try:
                # All references first: search images are measured with what is found on them.
                for is_reference in (True, False):
                    chips = _chips_of(enqueued, is_reference)
                    in_a_pool = workers > 1
                    yield from _in_a_pool(chips, workers) if in_a_pool else _in_this_process(chips)
            finally:
                if workers > 1:
                    _measure_in_a_pool(enqueued, workers)
    except DatabaseError as error:
        raise database_lost(error) from error


def _chips_of(enqueued: Collection[GalJob], is_reference: bool) -> list[tuple[int, int]]:
    """(image id, job id) of the chips of one kind."""
    images = GalImage.objects.filter(job__in=enqueued, is_reference=is_reference)
    return list(images.order_by("job_id", "ccdnum").values_list("pk", "job_id"))


def _in_this_process(chips: list[tuple[int, int]]) -> Iterator[ChipResult]:
    for chip in chips:
        yield jobs.work(*chip)


def _in_a_pool(chips: list[tuple[int, int]], workers: int) -> Iterator[ChipResult]:
    # What a job changed is measured afterwards: one process would, after the last chip.
    tasks = [(image_id, job_id, False) for image_id, job_id in chips]
    for (image_id, job_id, _), outcome in pooled(jobs.work, tasks, workers):
        if isinstance(outcome, Death):
            yield jobs.fail(image_id, job_id, outcome.how, measure=False)
        else:
            yield outcome


def _measure_in_a_pool(enqueued: Collection[GalJob], workers: int) -> None:
    """Measure what jobs changed that have ended, each catalogue by one of several processes."""

    def call_with_each(function: Callable, ids: Iterable[int]) -> None:
        for (pk,), outcome in pooled(function, [(pk,) for pk in ids], workers):
            if isinstance(outcome, Death):
                ended = death_text(outcome.how, "", this_host())
                logger.error("%s of catalogue %d: %s", function.__name__, pk, ended)

    closed = GalJob.objects.filter(pk__in=[job.pk for job in enqueued]).exclude(closed=None)
    if ended := list(closed.select_related("exposure").order_by("pk")):
        jobs.measure_jobs(ended, call_with_each)
