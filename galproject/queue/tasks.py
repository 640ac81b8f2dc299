"""The tasks of the queue: a few lines each over what commands call."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django_q.tasks import async_task

from exposures.models import GalExposure, GalJob, GalOptionSet
from galproject.invitations.inviting import site_address
from galproject.nightly.report import night_before_last, report_of
from galproject.nightly.telling import tell_night
from galproject.processing.calibration import calibrate_matched
from galproject.processing.learning import learn
from galproject.processing.matches import match_sources
from galproject.processing.result_lines import result_line
from galproject.processing.variability import measure_catalogue
from galproject.queue import asking, jobs, recovery
from galproject.queue.nights import expnums_to_fetch, fetch_and_enqueue, last_night
from galproject.queue.overdue import send_overdue_variability, send_uncalibrated, send_unmatched
from galproject.queue.restarts import through_restarts
from photometry.models import GalReference
from variables.alerts import sending
from variables.models import GalNotice, GalWatchNews
from variables.notices.mailing import send_notices
from variables.pictures.render import render_catalogue
from variables.watches.telling import tell_watches

logger = logging.getLogger(__name__)


def process_chip(image_id: int, job_id: int) -> dict[str, str]:
    """Process one chip of a job."""
    result = through_restarts(jobs.work, image_id, job_id)
    if result.failed:
        logger.error("%s: %s", result.label, result.error)
    else:
        logger.info(result_line(result))
    recovery.recover_lost_work()  # the scheduled one may wait behind a long queue
    return {"chip": result.label, "status": str(result.status)}


def open_jobs(job_ids: list[int]) -> None:
    """Put the chips on the queue that jobs were asked for with."""
    through_restarts(asking.open_jobs, job_ids)


def worker_died(host: str, pid: int, how: str) -> None:
    """Fail or recover the chip of a worker that a signal ended."""
    through_restarts(recovery.worker_died, host, pid, how)


def close_job(job_id: int) -> None:
    """Close a job after its last chip unless done, and follow it up."""
    job = through_restarts(GalJob.objects.select_related("exposure").get, pk=job_id)
    through_restarts(jobs.close_job, job)
    through_restarts(jobs.follow_up_job, job)


def render_cutouts(catalogue_id: int) -> dict[str, Any]:
    """Render the cutouts of a catalogue's candidates."""
    catalogues = GalReference.objects.filter(pk=catalogue_id).select_related("image__exposure")
    catalogue = through_restarts(catalogues.first)
    if catalogue is None:  # dropped since it was asked for
        return {"candidates": 0, "problems": ()}
    rendered = through_restarts(render_catalogue, catalogue)
    for problem in rendered.problems:
        logger.warning(problem)
    return {"candidates": rendered.n_candidates, "problems": rendered.problems}


def measure_variability(catalogue_id: int, again: bool) -> dict[str, int]:
    """Measure the variability of a catalogue's sources."""
    measured = through_restarts(measure_catalogue, catalogue_id, again)
    return {"sources": measured.n_sources if measured else 0}


def measure_overdue_variability() -> dict[str, list[int]]:
    """Enqueue the measurement of catalogues whose images changed and whose message was lost."""
    return {"catalogues": through_restarts(send_overdue_variability)}


def learn_from_votes() -> dict[str, int]:
    """Train a model where enough votes are new, and score the candidates that changed."""
    return {"candidates": through_restarts(learn)}


def match_catalogues(reference_id: int, again: bool) -> dict[str, int]:
    """Match a reference with the published catalogues that it isn't matched with yet."""
    runs = through_restarts(match_sources, reference_id, None, again)
    if runs:
        through_restarts(jobs.send_calibrations, [reference_id])
        through_restarts(jobs.send_motions, [reference_id])
    return {"catalogues": len(runs), "matched": sum(run.n_matched for run in runs)}


def calibrate_references(reference_id: int, wait: bool = True) -> dict[str, list[str]]:
    """Calibrate the references of a field that are matched with published catalogues."""
    return {"fits": [str(one) for one in through_restarts(calibrate_matched, reference_id, wait)]}


def match_unmatched() -> dict[str, list[int]]:
    """Enqueue the matching of references that aren't matched with all catalogues in use.

    And the calibration of fields that were matched since their last.
    """
    return {
        "references": through_restarts(send_unmatched),
        "calibrations": through_restarts(send_uncalibrated),
    }


def recover_lost_work() -> None:
    """Recover the work of processes that died."""
    recovery.recover_lost_work()


def mail_notices() -> dict[str, int]:
    """Tell watches what is new, and mail what people want at once, or what failed before."""
    n_news = 0
    try:
        n_news = through_restarts(tell_watches)
    finally:  # where that fails, what is there is mailed all the same
        mailed = through_restarts(send_notices, site_address(), daily=False)
    return {"news": n_news, "mails": mailed.n_mails}


def mail_daily() -> dict[str, int]:
    """Mail each person a daily mail of notices, and delete old ones."""
    removed = through_restarts(GalNotice.objects.remove_old)
    removed += through_restarts(GalWatchNews.objects.remove_old)
    mailed = through_restarts(send_notices, site_address(), daily=True)
    return {"removed": removed, "mails": mailed.n_mails}


def report_night() -> dict[str, int]:
    """Tell the report of the night before last to those who want it, if it has exposures."""
    report = through_restarts(report_of, night_before_last())
    told = through_restarts(tell_night, report) if report.filters else 0
    return {"exposures": report.n_exposures, "told": told}


def send_alerts(exposure_id: int) -> dict[str, Any]:
    """Send the alerts of an exposure to where the environment says."""
    exposure = through_restarts(GalExposure.objects.get, pk=exposure_id)
    sent = through_restarts(sending.send_alerts, exposure, settings.GALPROJECT_ALERTS)
    return {"alerts": sent.n_alerts, "to": sent.to}


def remove_unused_options() -> dict[str, int]:
    """Remove sets of options to which no row has referred for a day."""
    return {"sets": through_restarts(GalOptionSet.objects.remove_unused)}


def process_night() -> dict[str, list[int]]:
    """Enqueue the fetching of monitored fields' new exposures, one task each."""
    last = last_night()
    new = expnums_to_fetch(last - timedelta(days=settings.GALPROJECT_NIGHTS - 1), last)
    queue_fetches(new)
    return {"expnums": new}


def queue_fetches(expnums: Iterable[int]) -> None:
    """Enqueue exposures of the archive to be fetched and processed."""
    for expnum in expnums:
        async_task("galproject.queue.tasks.fetch_exposure", expnum, group="fetch")


def fetch_exposure(expnum: int) -> dict[str, Any]:
    """Fetch an exposure of the archive, and enqueue its chips."""
    jobs = fetch_and_enqueue(expnum)
    logger.info("exposure %s fetched: %d jobs", expnum, len(jobs))
    return {"expnum": expnum, "jobs": [job.pk for job in jobs]}
