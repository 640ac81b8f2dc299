"""The start of a worker process, importable before Django is set up."""

import os
import signal

import django
from django.db import connection

from exposures.terminal import guard_streams


def start(database: str) -> None:
    """Set up Django in a new process, on the parent's database and one core."""
    # Ctrl-C reaches the whole group; the parent lets the chips that are being worked on end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    guard_streams()
    django.setup()
    connection.settings_dict["NAME"] = database
