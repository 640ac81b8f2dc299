"""The functions of worker processes, importable before Django is set up."""

import os
import signal
from typing import TYPE_CHECKING

import django
from django.db import connection

from exposures.terminal import guard_streams

if TYPE_CHECKING:
    from galproject.processing.chip_result import ChipResult


def start(database: str) -> None:
    """Set up Django in a new process, on the parent's database and one core."""
    # Ctrl-C reaches the whole group; the parent lets the chips that are being worked on end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    guard_streams()
    django.setup()
    connection.settings_dict["NAME"] = database


def work(image_id: int, job_id: int) -> "ChipResult":
    """``jobs.work``, imported once Django is ready."""
    from galproject.queue.jobs import work

    return work(image_id, job_id)
