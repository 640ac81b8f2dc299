"""What the queue costs: looking after it, putting chips on it, and chips that end at once."""

import os
import time
from tempfile import TemporaryDirectory

from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from benchmarks.forked_command import start_forked
from benchmarks.queue_night import kill_session
from exposures.models import GalExposure, GalImage, GalJob, Status
from galproject.queue import jobs

N_WAITING = (10, 100)  # exposures
N_SWEEPS = 5
N_ENQUEUED = 100  # exposures
N_WORKERS = 32
STOP_SECONDS = 60


def measure_sweep(figures):
    """The look after lost work that each chip ends with, with few and with many waiting."""
    for n in N_WAITING:
        with transaction.atomic():
            _make_wait(n)
            figures.cost("sweep", jobs.recover_lost_work)
            figures.seconds("sweep", jobs.recover_lost_work, repeats=N_SWEEPS)
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
    started = time.monotonic()
    figures.seconds("enqueue", lambda: jobs.enqueue(chips, again=True))
    figures.store("enqueue_wait_seconds", time.monotonic() - started)
    figures.store("n_enqueued", OrmQ.objects.count())


def measure_workers(figures, n_chips):
    """How many chips 32 workers end in a second, of the first ``n_chips`` that they take."""
    kept = list(OrmQ.objects.order_by("pk").values_list("pk", flat=True)[:n_chips])
    OrmQ.objects.exclude(pk__in=kept).delete()
    finished = work_off(len(kept))
    figures.store("chips_a_second", (len(finished) - 1) / (finished[-1] - finished[0]))


def work_off(n_chips):
    """Have a cluster of workers take messages until ``n_chips`` have ended; when each did."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "GALPROJECT_WORKERS": str(N_WORKERS),
            "GALPROJECT_PICTURES": folder,
        }
        process = start_forked(["qcluster"], environment, f"{folder}/log", is_session_leader=True)
        try:
            return _wait_for(n_chips)
        finally:
            process.terminate()
            process.join(STOP_SECONDS)
            kill_session(process)


def _wait_for(n_chips, seconds=120):
    """Seconds at which chips ended, as the database tells, once they have or time is over."""
    begun, end = timezone.now(), time.monotonic() + seconds
    while True:
        time.sleep(0.5)
        ended = GalImage.objects.filter(finished__gte=begun).order_by("finished")
        times = [moment.timestamp() for moment in ended.values_list("finished", flat=True)]
        if len(times) >= 0.95 * n_chips or time.monotonic() > end:
            return times
