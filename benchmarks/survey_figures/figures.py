"""The figures that a benchmark collects, each of work that is ended where it takes too long."""

import signal
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import OperationalError, connection

from benchmarks.processor_time import Stopwatch

LIMIT_SECONDS = 300  # of the wall


class TooLongError(Exception):
    """Raised in work that goes on beyond its limit."""


@dataclass
class Figures:
    """Figures by name."""

    values: dict = field(default_factory=dict)
    interrupted: list = field(default_factory=list)  # what was ended: its figure is too small

    def seconds(self, name, work, *arguments, repeats=1, limit=LIMIT_SECONDS):
        """Measure the processor time that a call takes, the median of ``repeats``; in seconds."""
        found = [self.cost(name, work, *arguments, limit=limit) for _ in range(repeats)]
        self.store(f"{name}_seconds", statistics.median(found))

    def cost(self, name, work, *arguments, limit=LIMIT_SECONDS):
        """Seconds of processor time of a call, the server's included."""
        with Stopwatch() as cost:
            try:
                with _limited(limit):
                    work(*arguments)
            except TooLongError:
                self.interrupted.append(name)
        return cost.seconds

    def store(self, name, value):
        self.values[name] = value
        told = f"{value:.4g}" if isinstance(value, float) else value
        print(f"{time.strftime('%H:%M:%S')} {name}: {told}", file=sys.stderr, flush=True)

    def store_worst(self, name, seconds):
        """Store the greatest of {what: seconds}, and of what it is."""
        worst = max(seconds, key=seconds.get)
        self.store(f"{name}_worst_seconds", seconds[worst])
        self.store(f"{name}_worst", worst)
        self.store(f"{name}_median_seconds", statistics.median(seconds.values()))


@contextmanager
def _limited(seconds):
    """End what goes on for longer: a statement by the server, code between two by a signal."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{seconds}s'")
    before = signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except OperationalError as error:
        if "statement timeout" not in str(error):
            raise
        raise TooLongError from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def _end(*_):
    raise TooLongError
