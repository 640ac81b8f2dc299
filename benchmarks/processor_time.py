"""Processor time of this process and of the server's that answers it."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

USAGE = re.compile(r"\[([\d.]+) s user, ([\d.]+) s system total\]")


@dataclass
class Cost:
    """Seconds of processor time of a block."""

    client: float = 0.0
    server: float = 0.0

    @property
    def seconds(self) -> float:
        return self.client + self.server


class Stopwatch:
    """``with Stopwatch() as cost``: what the block costs is in the Cost when it has ended."""

    def __enter__(self):
        self._cost = Cost()
        self._server = server_seconds()
        self._client = time.process_time()
        return self._cost

    def __exit__(self, *error):
        self._cost.client = time.process_time() - self._client
        self._cost.server = server_seconds() - self._server


def server_seconds():
    """Seconds of processor time of the server's process that answers this one.

    Without that of helpers, to which it hands out parts of large queries where it may.
    """
    if connection.connection is not None and _is_superuser():
        return _told_seconds()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    # After the name, which may have blanks: user and system are the 14th and 15th.
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")


def _is_superuser():
    return connection.connection.info.parameter_status("is_superuser") == "on"


def _told_seconds():
    """As the server tells a superuser, in microseconds; the system counts in hundredths."""
    notices = connection.connection.notices
    notices.clear()
    with connection.connection.cursor() as cursor:
        cursor.execute("SET client_min_messages = log; SET log_statement_stats = on")
        cursor.execute("SELECT 1")
        cursor.execute("SET log_statement_stats = off; SET client_min_messages = notice")
    told = USAGE.search("".join(notices))
    return sum(map(float, told.groups()))
