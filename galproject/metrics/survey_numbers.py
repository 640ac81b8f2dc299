"""Numbers of the survey's work and of its database, each from what is kept or by an index."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Failure, Schedule
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector

from exposures.locks import Claimed, claimed
from exposures.models import GalImage, GalImageCount, Status
from galproject.processing.version import VERSION, code_version
from photometry.storage.statements import execute, fetch_row

LIMITS = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'"
EACH_MINUTE = "galproject.queue.tasks.recover_lost_work"
HOUR = timedelta(hours=1)
MOST = 20_000  # messages, and chips of an hour, up to which they are counted
ENDED = (Status.DONE, Status.FAILED)
# Messages that were put there at a real time, and were not fetched yet.
MESSAGES = """
SELECT count(*),
    coalesce(extract(epoch FROM now() - min(lock) FILTER (WHERE lock > '2001-01-01')), 0)
FROM (SELECT lock FROM django_q_ormq WHERE key = 'galproject' AND lock <= now() ORDER BY lock
    LIMIT %s) AS waiting
"""
SESSIONS = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend'),
    count(*) FILTER (WHERE wait_event_type = 'Lock'),
    coalesce(extract(epoch FROM now() - min(xact_start) FILTER (
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
        AND datname = current_database())), 0),
    current_setting('max_connections')::int
FROM pg_stat_activity
"""
# As VACUUM and ANALYZE saw them last: sizes of files would be asked of the disk one by one.
TABLES = """
SELECT coalesce(sum(relpages), 0) * current_setting('block_size')::bigint FROM pg_class
"""
ARCHIVE = """
SELECT current_setting('archive_mode') <> 'off'
    AND coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
FROM pg_stat_archiver
"""


class SurveyNumbers(Collector):
    """Numbers of chips, messages, workers, failures, the database and disks, as they are now."""

    def collect(self) -> Iterator[Gauge]:
        """Ask for all numbers; those of the database are left out while it is away."""
        yield _labelled(
            "galproject_info", "Version of the code.", version=VERSION, commit=code_version()
        )
        yield from _disks()
        is_there, found = True, []
        try:
            with transaction.atomic():
                execute(LIMITS)
                found = [*_chips(), *_queue(), *_database()]
        except (DatabaseError, InterfaceError):
            is_there, found = False, []
        yield _one("galproject_database_up", "Whether the database answers.", is_there)
        yield from found
        if settings.REDIS_URL:
            with suppress(redis.RedisError):
                yield _one(
                    "galproject_messages", "Messages on the queue.", get_broker().queue_size()
                )


def _chips():
    chips = Gauge("galproject_chips", "Chips by status.", labels=["status"])
    kept = {row["status"]: row["n"] for row in GalImageCount.objects.by("status")}
    for status in Status:
        chips.add_metric([status.value], kept.get(status.value, 0))
    yield chips
    ended = Gauge(
        "galproject_chips_ended_last_hour", "Chips that ended within an hour.", labels=["status"]
    )
    since = timezone.now() - HOUR
    for status in ENDED:
        of_status = GalImage.objects.filter(status=status, finished__gte=since)
        ended.add_metric([status.value], of_status.order_by()[:MOST].count())
    yield ended
    at_work = len(claimed(Claimed.CHIP))
    yield _one("galproject_chips_in_hand", "Chips that a process works on.", at_work)


def _queue():
    if not settings.REDIS_URL:
        n_messages, oldest = fetch_row(MESSAGES, MOST)
        yield _one("galproject_messages", "Messages on the queue, up to 20,000.", n_messages)
        yield _one("galproject_oldest_message_seconds", "Age of the oldest message.", oldest)
    due = Schedule.objects.filter(func=EACH_MINUTE).values_list("next_run", flat=True).first()
    late = max(0.0, (timezone.now() - due).total_seconds()) if due else float("inf")
    yield _one(
        "galproject_workers_late_seconds",
        "Since when what workers do each minute is due; below 120 while any cluster works.",
        late,
    )
    tasks = Failure.objects.filter(stopped__gte=timezone.now() - HOUR)
    failed = tasks.order_by()[:MOST].count()
    yield _one("galproject_tasks_failed_last_hour", "Tasks that failed within an hour.", failed)


def _database():
    sessions, waiting, oldest, most = fetch_row(SESSIONS)
    yield _one("galproject_database_connections", "Sessions of the server.", sessions)
    yield _one("galproject_database_max_connections", "Sessions that it allows.", most)
    yield _one("galproject_database_waiting", "Sessions that wait for a lock.", waiting)
    yield _one(
        "galproject_database_oldest_transaction_seconds", "Age of the oldest transaction.", oldest
    )
    (n_bytes,) = fetch_row(TABLES)
    yield _one("galproject_database_bytes", "Tables and indexes, at their last VACUUM.", n_bytes)
    (is_failing,) = fetch_row(ARCHIVE)
    yield _one(
        "galproject_database_archive_failing", "Whether the log was not copied last.", is_failing
    )


def _disks():
    free = Gauge("galproject_disk_free_bytes", "Room where a folder lies.", labels=["folder"])
    size = Gauge("galproject_disk_bytes", "Size of that disk.", labels=["folder"])
    for name, folder in (
        ("pictures", settings.GALPROJECT_PICTURES),
        ("exposures", settings.GALPROJECT_EXPOSURES),
    ):
        there = next(
            one for one in (Path(folder), *Path(folder).absolute().parents) if one.exists()
        )
        disk = os.statvfs(there)
        free.add_metric([name], disk.f_bavail * disk.f_frsize)
        size.add_metric([name], disk.f_blocks * disk.f_frsize)
    yield free
    yield size


def _one(name, documentation, value):
    return Gauge(name, documentation, value=float(value))


def _labelled(name, documentation, **labels):
    family = Gauge(name, documentation, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family
