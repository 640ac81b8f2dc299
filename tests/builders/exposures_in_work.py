"""Made-up exposures in every state, without a pixel."""

from contextlib import contextmanager
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from exposures.locks import Claimed
from exposures.models import GalCheckpoint, GalExposure, GalImage, GalJob, Status

FAR = "/nowhere/c4d.fits"


def make_exposure(name, statuses=(), filter="i", ra=266.0, age_minutes=10, closed=None, **asked):
    """An exposure with a chip in each of the statuses, asked for some minutes ago.

    ``closed`` is when its job was, in minutes after it was asked for.
    """
    exposure = GalExposure.objects.create(
        instrument="decam",
        identifier=name,
        filter=filter,
        mjd=60000.0,
        exposure_seconds=30.0,
        ra=ra,
        dec=-29.0,
    )
    created = timezone.now() - timedelta(minutes=age_minutes)
    job = make_job(exposure, created, closed, **asked)
    for number, status in enumerate(statuses, 1):
        make_chip(exposure, number, status, job)
    return exposure


def make_job(exposure, created, closed=None, **asked):
    end = None if closed is None else created + timedelta(minutes=closed)
    job = GalJob.objects.create(exposure=exposure, closed=end, **asked)
    GalJob.objects.filter(pk=job.pk).update(created=created)
    job.refresh_from_db()
    return job


def make_chip(exposure, ccdnum, status, job, **columns):
    """A chip; one that was begun took a minute each, one after the other."""
    begun = job is not None and status in (Status.WORKING, Status.DONE, Status.FAILED)
    started = job.created + timedelta(minutes=ccdnum - 1) if begun else None
    values = {
        "chip_name": f"N{ccdnum}",
        "path": FAR,
        "hdu": ccdnum,
        "status": status,
        "job": job,
        "started": started,
        "finished": (started and status != Status.WORKING and started + timedelta(minutes=1))
        or None,
        "step": {Status.WORKING: "measuring", Status.FAILED: "reading"}.get(status, ""),
        "host": "galpipe1" if begun else "",
        "error": f"{FAR}[N{ccdnum}]: cut short" if status == Status.FAILED else "",
        "queued": timezone.now(),
    }
    return GalImage.objects.create(exposure=exposure, ccdnum=ccdnum, **values | columns)


def make_line(exposure, ccdnum=0, step="read", age_minutes=0.0, **columns):
    """A line of the log, written some minutes ago."""
    line = GalCheckpoint.objects.create(exposure=exposure, ccdnum=ccdnum, step=step, **columns)
    time = timezone.now() - timedelta(minutes=age_minutes)
    GalCheckpoint.objects.filter(pk=line.pk).update(time=time)
    return line


@contextmanager
def held_elsewhere(kind: Claimed, *pks):
    """Claims of another session of the same database, as those of a worker."""
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            for pk in pks:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [int(kind), pk])
        yield
        # Given back here, as the server ends a session a moment after it was closed.
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
