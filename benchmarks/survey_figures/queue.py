"""What the queue costs: looking after it, putting chips on it, and chips that end at once."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from benchmarks.forked_command import start_forked
from benchmarks.queue_night import kill_session
from exposures.models import GalExposure, GalImage, GalJob, Status
from galproject.queue import asking, recovery

N_WAITING = (10, 100)  # exposures
N_SWEEPS = 5
N_ENQUEUED = 100  # exposures
N_WORKERS, CHIPS = 32, 62  # chips of an exposure
STOP_SECONDS = 60
WORK_SECONDS = 240


def measure_sweep(figures):
    """The look after lost work that each chip ends with, with few and with many waiting."""
    for n in N_WAITING:
        with transaction.atomic():
            _make_wait(n)
            figures.cost("sweep", recovery.recover_lost_work)
            figures.seconds("sweep", recovery.recover_lost_work, repeats=N_SWEEPS)
            seconds = figures.values.pop("sweep_seconds")
            transaction.set_rollback(True)
        figures.store(f"sweep_{n}_waiting_ms", 1e3 * seconds)


def _make_wait(n):
    """Let ``n`` exposures wait for references that are being made again, and no others."""
    now = timezone.now()
    GalImage.objects.filter(status=Status.WAITING).update(status=Status.PENDING, job=None)
    references = GalImage.objects.references().filter(ccdnum=_first_chip())
    references.update(status=Status.QUEUED, queued=now)
    searches = GalExposure.objects.filter(images__is_reference=False).distinct().order_by("pk")[:n]
    ids = [exposure.pk for exposure in searches]
    waiting = {job.exposure_id: job for job in GalJob.objects.filter(exposure__in=ids)}
    GalJob.objects.exclude(images__in=references).update(closed=now)
    GalJob.objects.filter(images__in=references).update(closed=None)
    for exposure in searches:
        job = waiting.get(exposure.pk) or GalJob.objects.create(exposure=exposure)
        GalJob.objects.filter(pk=job.pk).update(closed=None)
        exposure.images.update(status=Status.WAITING, job=job)


def _first_chip():
    return GalImage.objects.order_by("ccdnum").values_list("ccdnum", flat=True).first()


def measure_enqueueing(figures):
    """Put 100 exposures on the queue, whose files there are not: chips end at once."""
    # So that none has to wait for a reference.
    GalImage.objects.open().update(status=Status.PENDING, job=None)
    OrmQ.objects.all().delete()
    searches = GalExposure.objects.filter(images__is_reference=False, images__status=Status.DONE)
    ids = list(searches.distinct().order_by("pk").values_list("pk", flat=True)[:N_ENQUEUED])
    chips = GalImage.objects.filter(exposure__in=ids)
    started, asked_for = time.monotonic(), []
    asked = figures.cost("ask", lambda: asked_for.extend(asking.ask(chips, again=True)))
    figures.store("enqueue_wait_seconds", time.monotonic() - started)
    OrmQ.objects.all().delete()  # what a worker is asked for is done here, and measured
    opened = figures.cost("enqueue", lambda: asking.open_jobs([job.pk for job in asked_for]))
    figures.store("enqueue_seconds", asked + opened)
    figures.store("n_enqueued", OrmQ.objects.count())


def measure_workers(figures, n_chips):
    """How many chips 32 workers end in a second, of ``n_chips``, and for how much work.

    They are of exposures that were never processed and whose files there are not: nothing is to be
    removed. On a busy machine only the processor time of a chip tells: theirs and the server's.
    """
    OrmQ.objects.all().delete()
    asking.open_jobs([job.pk for job in asking.ask(_new_chips(n_chips), again=True)])
    first, last = work_off(OrmQ.objects.count())
    n_ended = last.n_chips - first.n_chips
    figures.store("chips_a_second", n_ended / (last.time - first.time))
    figures.store("chip_of_workers_ms", 1e3 * (last.processor - first.processor) / n_ended)


def _new_chips(n_chips):
    """Chips of as many exposures as it takes, which nobody has processed."""
    known = GalExposure.objects.order_by("pk").first()
    columns = ("instrument", "filter", "mjd", "exposure_seconds", "ra", "dec")
    values = {name: getattr(known, name) for name in columns}
    numbers, now = range(1 + n_chips // CHIPS), f"{timezone.now():%H%M%S}"
    exposures = GalExposure.objects.bulk_create(
        GalExposure(identifier=f"new {number} of {now}", **values) for number in numbers
    )
    chips = GalImage.objects.bulk_create(
        GalImage(exposure=exposure, ccdnum=n, chip_name=f"S{n}", path="/data/new.fits", hdu=n)
        for exposure in exposures
        for n in range(1, CHIPS + 1)
    )
    return GalImage.objects.filter(pk__in=[chip.pk for chip in chips[:n_chips]])


@dataclass(frozen=True)
class Progress:
    """How far workers have come."""

    n_chips: int
    time: float  # seconds of the wall
    processor: float  # seconds of processor time, theirs and the server's


def work_off(n_chips):
    """Have a cluster of workers take messages; the Progress once all work, and at the end."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "GALPROJECT_WORKERS": str(N_WORKERS),
            "GALPROJECT_PICTURES": folder,
        }
        process = start_forked(["qcluster"], environment, f"{folder}/log", is_session_leader=True)
        try:
            begun = timezone.now()
            started = min(2 * N_WORKERS, n_chips // 2)
            return [_wait_for(n, begun, process.pid) for n in (started, 0.95 * n_chips)]
        finally:
            process.terminate()
            process.join(STOP_SECONDS)
            kill_session(process)


def _wait_for(n_chips, begun, session):
    """The Progress when so many chips have ended, or when nothing comes of it any more."""
    end = time.monotonic() + WORK_SECONDS
    while True:
        n_ended = GalImage.objects.filter(finished__gte=begun).count()
        if n_ended >= n_chips or time.monotonic() > end:
            return Progress(n_ended, time.monotonic(), _processor_seconds(session))
        time.sleep(0.1)


def _processor_seconds(session):
    """Seconds of all processes of a session, and of the server's that answer not this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        servers = {pid for (pid,) in cursor.fetchall()}
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # as it ended in this moment
            columns = path.read_text().rpartition(")")[2].split()
            if int(columns[3]) == session or int(path.parent.name) in servers:
                ticks += int(columns[11]) + int(columns[12])
    return ticks / os.sysconf("SC_CLK_TCK")
