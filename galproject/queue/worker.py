"""The start of a worker process, new or forked, importable before Django is set up."""

import os
import signal

import django
from django.db import connection, connections

from exposures.terminal import guard_streams


def start(database: str) -> None:
    """Set up Django in a new process, on the parent's database and one core."""
    # Ctrl-C reaches the whole group; the parent lets the chips that are being worked on end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    guard_streams()
    leave_connections()
    django.setup()
    connection.settings_dict["NAME"] = database


# They are never closed here: PostgreSQL would take it for their end.
_LEFT: list = []


def leave_connections() -> None:
    """Leave its database connections to the process that this one is a copy of.

    Its sessions, and what they claim, last as long as that process, whose end PostgreSQL sees as
    nobody else has the sockets. This process makes connections of its own.
    """
    for wrapper in connections.all(initialized_only=True):
        if wrapper.connection is not None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, wrapper.connection.fileno())
            os.close(nowhere)
        _LEFT.append(wrapper)
        del connections[wrapper.alias]
