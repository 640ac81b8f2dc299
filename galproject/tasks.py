"""What the workers of the queue do: a few lines each over what the commands call."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django_q.tasks import async_task

from exposures.errors import GalprojectError
from exposures.models import GalImage, GalJob
from galproject import jobs
from galproject.configuration.loading import load_options
from galproject.nights import expnums_to_fetch, fetch_and_ask, last_night
from galproject.processing.result_lines import result_line
from galproject.references.changes import change_reference as change
from galproject.references.changes import is_made, say_refused
from galproject.references.sets import change_sets, pairs_of
from photometry.crossmatch.joins import join_filters
from photometry.models import GalReference
from variables.pictures.render import render_catalogue

logger = logging.getLogger(__name__)

# A server that is restarted is back within seconds; one that fails over, within minutes.
DATABASE_WAITS = (1, 2, 4, 8, 15, 30, 30, 60, 60, 120, 240)  # seconds


def process_chip(image_id, job_id):
    """Process one chip of a job."""
    result = _through_restarts(jobs.work, image_id, job_id)
    if result.failed:
        logger.error("%s: %s", result.label, result.error)
    else:
        logger.info(result_line(result))
    jobs.sweep()  # the scheduled one may wait behind a long queue
    return {"chip": result.label, "status": str(result.status)}


def worker_died(host, pid, how):
    """See to what a worker of the queue had in hand when a signal ended it."""
    _through_restarts(jobs.worker_died, host, pid, how)


def close_job(job_id):
    """Close a job after its last chip, if nobody has, and follow it up."""
    job = _through_restarts(GalJob.objects.select_related("exposure").get, pk=job_id)
    _through_restarts(jobs.close, job)
    _through_restarts(jobs.follow_up, job)


def join_withdrawn(image_ids):
    """Join what is left where references were withdrawn."""
    _through_restarts(join_filters, image_ids, load_options().join)


def change_reference(chosen_ids, withdrawn_ids, username, reason, known_ids=None):
    """Make images references and others search images, and ask for what this implies."""
    if is_made(chosen_ids, withdrawn_ids):
        return
    try:
        change(chosen_ids, withdrawn_ids, username, reason, known_ids)
    except GalprojectError as error:
        # Nobody waits for the answer any more: it is in the log of the exposures.
        say_refused([*chosen_ids, *withdrawn_ids], str(error))


def change_reference_set(primary_id, member_ids, is_added, username, reason):
    """Add exposures to the sets of a reference, or remove them, and select variables anew."""
    try:
        for pairs in pairs_of(primary_id, member_ids, is_added):
            change_sets(pairs, is_added, username, reason)
            catalogues = GalReference.objects.filter(image__in=pairs.images, active=True)
            jobs.send_pictures(catalogues.values_list("pk", flat=True))
    except GalprojectError as error:
        say_refused(GalImage.objects.filter(exposure=primary_id).values("pk"), str(error))


def render_cutouts(catalogue_id):
    """Bring the cutouts of a catalogue's candidates up to date."""
    catalogues = GalReference.objects.filter(pk=catalogue_id).select_related("image__exposure")
    catalogue = _through_restarts(catalogues.first)
    if catalogue is None:  # dropped since it was asked for
        return {"candidates": 0, "problems": ()}
    rendered = _through_restarts(render_catalogue, catalogue)
    for problem in rendered.problems:
        logger.warning(problem)
    return {"candidates": rendered.n_candidates, "problems": rendered.problems}


def sweep():
    """Mend what processes that died have left."""
    jobs.sweep()


def process_night():
    """Have the new exposures of the fields that are followed fetched, a task each."""
    last = last_night()
    new = expnums_to_fetch(last - timedelta(days=settings.GALPROJECT_NIGHTS - 1), last)
    queue_fetches(new)
    return {"expnums": new}


def queue_fetches(expnums):
    """Put exposures of the archive on the queue, to be fetched and processed."""
    for expnum in expnums:
        async_task("galproject.tasks.fetch_exposure", expnum, group="fetch")


def fetch_exposure(expnum):
    """Fetch an exposure of the archive, and ask for its chips."""
    jobs = fetch_and_ask(expnum)
    logger.info("exposure %s fetched: %d jobs", expnum, len(jobs))
    return {"expnum": expnum, "jobs": [job.pk for job in jobs]}


def _through_restarts(function, *arguments, **named):
    """Call a function that may be called again, until the database is there from end to end."""
    for wait in DATABASE_WAITS:
        try:
            return function(*arguments, **named)
        except (InterfaceError, OperationalError) as error:
            logger.warning("the database is away (%s); trying again in %d s", error, wait)
            connection.close()
            time.sleep(wait)
    return function(*arguments, **named)
