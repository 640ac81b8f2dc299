"""The cluster of workers, in which the cause of a worker's death is recorded."""

import logging
from contextlib import suppress
from typing import Any

from django.db import InterfaceError, OperationalError
from django_q import cluster
from django_q.tasks import async_task

from exposures.hosts import this_host
from galproject.queue.preloading import preload
from galproject.queue.worker_pool import signal_name
from photometry.storage.lock_table import lock_warning

logger = logging.getLogger(__name__)


class Sentinel(cluster.Sentinel):
    """The process that starts workers, and replaces those that died.

    Only a process's parent learns from the system how it ended.
    """

    def start(self) -> None:
        """Start the workers, and say what they may come to lack.

        They are copies of this process, as are those that replace them: what is loaded here, they
        have from the beginning.
        """
        preload()
        # Without a database they wait for it.
        with suppress(InterfaceError, OperationalError):
            if warning := lock_warning():
                logger.warning(warning)
        super().start()

    def reincarnate(self, process: Any) -> None:
        """Replace a process that died or took too long."""
        if process in self.pool and (process.exitcode or 0) < 0:
            _tell(process.pid, signal_name(-process.exitcode))
        super().reincarnate(process)


def watch_workers() -> None:
    """Make clusters in this process use this Sentinel."""
    cluster.Sentinel = Sentinel


def _tell(pid: int, how: str) -> None:
    """Enqueue the recovery of a dead worker's chip; recover_lost_work would find it later."""
    logger.error("worker %d was ended by %s", pid, how)
    try:
        async_task(
            "galproject.queue.tasks.worker_died", this_host(), pid, how, group="deaths", save=False
        )
    except (InterfaceError, OperationalError) as error:
        logger.warning("its chip waits for recover_lost_work: %s", str(error).strip())
