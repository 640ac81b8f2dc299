"""A worker that dies takes its own chip with it and no other, and how it died is said."""

import multiprocessing
import signal

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from exposures.hosts import this_host
from exposures.locks import Claimed, claim
from exposures.models import GalImage, GalJob, Status
from galproject.configuration.loading import load_options
from galproject.processing.chip_result import Outcome
from galproject.queue import cluster, jobs, recovery, tasks
from galproject.queue.runs import run_chips
from galproject.queue.worker_pool import Death, WorkerPool
from tests.builders.exposures_in_work import make_exposure
from tests.galproject import dying

WORK = f"{dying.__name__}.work"
FATAL = (signal.SIGSEGV, signal.SIGKILL, signal.SIGBUS, signal.SIGABRT)


def outcomes(todo, n_workers, start=dying.start):
    return dict(WorkerPool(WORK, start).run(todo, n_workers))


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_process_that_dies_takes_its_own_task_alone(n_workers):
    todo = [(n, FATAL[n // 2] if n % 2 else 0) for n in range(2 * len(FATAL))]
    found = outcomes(todo, n_workers)
    assert set(found) == set(todo)
    for (number, deadly), outcome in found.items():
        expected = Death(signal.Signals(deadly).name) if deadly else 2 * number
        assert outcome == expected


def test_processes_that_cannot_start_fail_their_tasks_and_end():
    found = outcomes([(n,) for n in range(3)], 2, dying.fail_to_start)
    assert set(found.values()) == {Death("exit status 5")}


def test_what_a_task_raises_is_raised_where_its_result_is_waited_for():
    with pytest.raises(ZeroDivisionError, match="of 3"):
        outcomes([(3, -1), (4,)], 1)


def test_tasks_that_were_not_begun_are_left_when_nobody_waits_any_more():
    results = WorkerPool(WORK, dying.start).run([(n,) for n in range(100)], 2)
    next(results)
    results.close()
    assert multiprocessing.active_children() == []


def chips(n_chips):
    """Chips of an exposure of which nothing has been asked yet."""
    exposure = make_exposure("1", [Status.PENDING] * n_chips)
    exposure.images.update(job=None)
    return list(exposure.images.order_by("ccdnum"))


@pytest.mark.django_db(transaction=True)
def test_chips_over_which_a_process_dies_fail_with_the_signals_name(monkeypatch):
    monkeypatch.setattr(jobs, "work", dying.die_over_a_chip)
    monkeypatch.setenv("GALPROJECT_TEST_SIGNAL", str(int(signal.SIGSEGV)))
    ids = [image.pk for image in chips(2)]
    results = list(run_chips(ids, load_options(), workers=2, again=True))
    assert len(results) == 2
    for result in results:
        assert result.failed
        assert "SIGSEGV" in result.error
        assert "--failed" in result.error
    stored = GalImage.objects.filter(pk__in=ids)
    assert {image.status for image in stored} == {Status.FAILED}
    assert {image.error for image in stored} == {result.error for result in results}
    assert not GalJob.objects.open().exists()


def in_hand(image, pid):
    """A chip of a job of the queue that a worker has begun."""
    job = GalJob.objects.create(exposure=image.exposure, options=load_options().as_json())
    begun = {
        "started": timezone.now(),
        "status": Status.WORKING,
        "host": this_host(),
        "pid": pid,
        "step": "reading",
    }
    GalImage.objects.filter(pk=image.pk).update(job=job, attempts=1, **begun)
    return job


def killed_by(number):
    """A process that is dead by a signal."""
    process = multiprocessing.get_context("spawn").Process(target=dying.work, args=(1, number))
    process.start()
    process.join()
    return process


def sentinel_of(process, monkeypatch):
    """A Sentinel that has only this worker, and starts no other."""
    monkeypatch.setattr(cluster.Sentinel, "spawn_worker", lambda self: None)
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    sentinel = cluster.Sentinel.__new__(cluster.Sentinel)
    process.timer = multiprocessing.Value("f", -1)
    sentinel.pool, sentinel.monitor, sentinel.pusher = [process], None, None
    sentinel.reincarnations = 0
    return sentinel


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("deadly", "status"), [(signal.SIGSEGV, Status.FAILED), (signal.SIGKILL, Status.QUEUED)]
)
def test_a_worker_of_the_queue_that_dies_is_told_with_its_signal(monkeypatch, deadly, status):
    image, other = chips(2)
    process = killed_by(deadly)
    in_hand(image, process.pid)
    in_hand(other, process.pid + 1)
    sentinel_of(process, monkeypatch).reincarnate(process)
    message = SignedPackage.loads(OrmQ.objects.get().payload)
    assert message["func"] == "galproject.queue.tasks.worker_died"
    OrmQ.objects.all().delete()
    tasks.worker_died(*message["args"])
    image.refresh_from_db()
    other.refresh_from_db()
    assert (image.status, other.status) == (status, Status.WORKING)
    assert deadly.name in image.error
    assert "while reading" in image.error


@pytest.mark.django_db
def test_a_chip_that_is_killed_again_and_again_fails_with_the_signals_name():
    (image,) = chips(1)
    job = in_hand(image, 99)
    recovery.worker_died(this_host(), 99, "SIGKILL")
    GalImage.objects.filter(pk=image.pk).update(attempts=3)
    result = jobs.work(image.pk, job.pk)
    assert result.failed
    assert "begun 3 times" in result.error
    assert "SIGKILL" in result.error


@pytest.mark.django_db
def test_a_chip_that_another_job_has_taken_over_is_busy_for_the_job_whose_worker_died():
    (image,) = chips(1)
    job = in_hand(image, 99)
    later = GalJob.objects.create(exposure=image.exposure, options=job.options)
    GalImage.objects.filter(pk=image.pk).update(job=later, status=Status.QUEUED)
    assert jobs.fail(image.pk, job.pk, "SIGSEGV").status is Outcome.BUSY
    image.refresh_from_db()
    assert (image.status, image.job) == (Status.QUEUED, later)


@pytest.mark.django_db
def test_a_chip_that_was_stored_before_its_worker_died_is_done():
    (image,) = chips(1)
    job = in_hand(image, 99)
    GalImage.objects.filter(pk=image.pk).update(status=Status.DONE)
    assert jobs.fail(image.pk, job.pk, "SIGSEGV").status == Status.DONE
    with claim(Claimed.CHIP, image.pk) as is_free:
        assert is_free
