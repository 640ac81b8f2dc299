"""The workers of the queue, watched: how one died is told, and not only that it did."""

import logging

from django.db import InterfaceError, OperationalError
from django_q import cluster
from django_q.tasks import async_task

from exposures.hosts import this_host
from galproject.queue.worker_pool import signal_name

logger = logging.getLogger(__name__)


class Sentinel(cluster.Sentinel):
    """The process that starts workers of the queue, and others in the place of those that died.

    Only the parent of a process learns from the system how it ended.
    """

    def reincarnate(self, process):
        """Start another process in the place of one that is dead, or took too long."""
        if process in self.pool and (process.exitcode or 0) < 0:
            _tell(process.pid, signal_name(-process.exitcode))
        super().reincarnate(process)


def watch_workers():
    """Have clusters of this process watched by this Sentinel."""
    cluster.Sentinel = Sentinel


def _tell(pid, how):
    """Have a worker see to what the dead one had in hand; without, recover_lost_work finds it."""
    logger.error("worker %d was ended by %s", pid, how)
    try:
        async_task(
            "galproject.queue.tasks.worker_died", this_host(), pid, how, group="deaths", save=False
        )
    except (InterfaceError, OperationalError) as error:
        logger.warning("its chip waits for recover_lost_work: %s", str(error).strip())
