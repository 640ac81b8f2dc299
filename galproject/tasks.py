"""What the workers of the queue do: a few lines each over what the commands call."""

import logging
import time

from django.db import InterfaceError, OperationalError, connection

from exposures.models import GalJob
from galproject import jobs
from galproject.result_lines import result_line

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


def close_job(job_id):
    """Close a job after its last chip."""
    _through_restarts(lambda: jobs.close(GalJob.objects.get(pk=job_id)))


def sweep():
    """Mend what processes that died have left."""
    jobs.sweep()


def _through_restarts(function, *arguments):
    """Call a function that may be called again, until the database is there from end to end."""
    for wait in DATABASE_WAITS:
        try:
            return function(*arguments)
        except (InterfaceError, OperationalError) as error:
            logger.warning("the database is away (%s); trying again in %d s", error, wait)
            connection.close()
            time.sleep(wait)
    return function(*arguments)
