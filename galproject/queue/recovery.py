"""Recovery of work that was lost with processes and messages."""

from datetime import timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ

from exposures.locks import Claimed, claimed, locked
from exposures.models import GalCheckpoint, GalImage, GalJob, Status
from exposures.steps import LogStep
from galproject.queue import jobs
from galproject.queue.deaths import CRASHES, death_text
from galproject.queue.sending import send_tasks

# A message that was fetched by a cluster which then died is sent again after this long.
LOST_AFTER = timedelta(minutes=2)
# Of a chip that may be lost: what tells one beginning from the next, and what its log says.
NEEDED = ("status", "started", "job_id", "step", "host", "exposure_id", "ccdnum")
# LIMIT has each job look into its own rows, by an index of those that are open.
OPEN_JOBS = """
SELECT id, exposure_id, queued, asked IS NOT NULL,
    (SELECT true FROM galimages WHERE job_id = galjobs.id
     AND status IN ('queued', 'waiting', 'working') LIMIT 1),
    (SELECT true FROM galimages WHERE job_id = galjobs.id AND status = 'waiting'
     AND status IN ('queued', 'waiting', 'working') LIMIT 1)
FROM galjobs WHERE closed IS NULL
"""


class OpenJob(NamedTuple):
    """What is asked of each open job."""

    id: int
    exposure_id: int
    queued: bool
    is_asked: bool  # by whoever doesn't wait, and not put on the queue yet
    is_open: bool | None  # has chips to be processed
    is_waiting: bool | None  # has chips that wait for a reference


def recover_lost_work() -> None:
    """Recover the work of processes that died, once a minute and after each chip.

    Chips of a dead worker are queued again, messages lost with a cluster are sent again, jobs of a
    dead command are given up, and jobs are closed if the worker of their last chip died before it
    did so. Safe at any time, and on any number of hosts at once. Takes the same time however many
    jobs are open: all are asked for at once.
    """
    _recover_interrupted()
    _send_lost()
    with connection.cursor() as cursor:
        cursor.execute(OPEN_JOBS)
        found = [OpenJob(*row) for row in cursor.fetchall()]
    _give_up_abandoned([job.id for job in found if not job.queued])
    ended = [j.id for j in found if j.queued and not j.is_asked and not j.is_open]
    for job in GalJob.objects.filter(pk__in=ended) if ended else ():
        jobs.finish(job)
    jobs.release_jobs({job.id: job.exposure_id for job in found if job.is_waiting})


def _give_up_abandoned(job_ids: list[int]) -> None:
    """Give up jobs of commands that are gone."""
    if not job_ids:
        return
    in_hand = claimed(Claimed.JOB)  # after the look at the table: a job is claimed when it appears
    for job in GalJob.objects.open().filter(pk__in=[pk for pk in job_ids if pk not in in_hand]):
        jobs.give_up(job)


def _recover_interrupted() -> None:
    working = list(GalImage.objects.filter(status=Status.WORKING, job__queued=True).only(*NEEDED))
    if not working:
        return
    in_hand = claimed(Claimed.CHIP)  # after the look at the table: a chip may just have ended
    for image in working:
        if image.pk not in in_hand:
            _recover(image)


@transaction.atomic
def _recover(image: GalImage, how: str = "") -> None:
    # Of the same beginning: else another worker has begun it again since.
    lost = GalImage.objects.filter(
        pk=image.pk, status=Status.WORKING, started=image.started, job_id=image.job_id
    )
    ended = death_text(how, image.step, image.host) if how else ""
    if lost.update(status=Status.QUEUED, error=ended):
        gone = ended or f"while {image.step}: its worker on {image.host} is gone"
        note = f"{gone}; queued again"
        GalCheckpoint.objects.note(
            image, LogStep.INTERRUPTED, note, level=GalCheckpoint.Level.WARNING
        )
        jobs.send(GalImage.objects.filter(pk=image.pk))


def _send_lost() -> None:
    """Send again old messages if the queue has nothing left to be fetched.

    Such a message was fetched by a cluster that is busy with others, or that died. A chip that is
    sent twice is processed once.
    """
    if not get_broker().is_empty():
        return
    before = timezone.now() - LOST_AFTER
    overdue = GalImage.objects.filter(status=Status.QUEUED, job__queued=True, queued__lt=before)
    if overdue.exists():
        with transaction.atomic():
            jobs.send(overdue)
    asked = GalJob.objects.open().exclude(asked=None).filter(queued=True, created__lt=before)
    if unopened := list(asked.values_list("pk", flat=True)):
        send_tasks("open_jobs", [(unopened,)], first=True)


def hand_out_again() -> None:
    """Release fetched messages to be fetched again, in case their cluster died.

    Messages of a living cluster are then fetched twice, which the claims make harmless.
    """
    if Conf.ORM:
        OrmQ.objects.filter(lock__gt=timezone.now()).update(lock=timezone.now())


def worker_died(host: str, pid: int, how: str) -> None:
    """Fail or recover the chip that a dead worker was processing.

    If the worker crashed, the chip fails. If it was killed, by somebody or for lack of memory, the
    chip is queued again.
    """
    dead = GalImage.objects.filter(status=Status.WORKING, job__queued=True, host=host, pid=pid)
    for image in dead:
        if how in CRASHES and image.job_id is not None:
            jobs.fail(image.pk, image.job_id, how)
            continue
        with locked(Claimed.CHIP, [image.pk]):  # until its session is gone, too
            pass
        _recover(image, how)
