"""Whoever asks for chips doesn't wait; a worker puts them on the queue, once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalImage, GalJob, Status
from galproject.queue import asking, messages, recovery, tasks
from galproject.queue.asking import ask, ask_failed, enqueue, open_jobs
from galproject.queue.brokers import DatabaseBroker
from galproject.queue.sending import send_tasks
from galproject.status.working_status import working_status
from tests.builders.exposures_in_work import make_exposure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_work_is_lost(monkeypatch):
    """Without what looks for it, so that jobs of made-up rows are left open."""
    monkeypatch.setattr(asking, "recover_lost_work", lambda: None)


def pending(*names):
    """Exposures of two chips that nobody has asked for."""
    exposures = [make_exposure(name, [Status.PENDING] * 2, closed=5) for name in names]
    GalJob.objects.filter(exposure__in=exposures).delete()
    return exposures


def on_the_queue():
    """The tasks on the queue, in the order in which they are fetched."""
    found = OrmQ.objects.order_by("lock", "id").values_list("payload", flat=True)
    loaded = [messages.loads(payload) for payload in found]
    return [(task["func"].rpartition(".")[2], task["args"]) for task in loaded]


def statuses():
    return set(GalImage.objects.values_list("status", flat=True))


def test_asking_sends_one_message_that_goes_before_all_others():
    pending("1", "2", "3")
    send_tasks("close_job", [(1,)])
    jobs = ask(GalImage.objects.all(), requested_by="somebody")
    assert statuses() == {Status.PENDING}
    assert on_the_queue() == [("open_jobs", ([job.pk for job in jobs],)), ("close_job", (1,))]
    assert {len(job.asked) for job in jobs} == {2}
    tasks.open_jobs([job.pk for job in jobs])
    assert statuses() == {Status.QUEUED}
    chips = list(GalImage.objects.order_by("pk").values_list("pk", "job_id"))
    assert [args for name, args in on_the_queue() if name == "process_chip"] == chips
    assert not GalJob.objects.exclude(asked=None).exists()


def test_the_working_status_says_what_was_asked_for_and_that_nobody_is_at_work():
    pending("1", "2")
    assert not working_status().wants_workers
    ids = [job.pk for job in ask(GalImage.objects.all())]
    assert working_status().n_asked == 2 and working_status().wants_workers
    open_jobs(ids)
    assert working_status().n_asked == 0 and working_status().chips.queued == 4


def test_a_message_that_comes_twice_opens_jobs_once(no_work_is_lost):
    pending("1", "2")
    ids = [job.pk for job in ask(GalImage.objects.all())]
    threads = [threading.Thread(target=opened, args=(ids,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    open_jobs(ids)
    assert sum(name == "process_chip" for name, _ in on_the_queue()) == 4
    assert GalCheckpoint.objects.filter(step="asked").count() == 2


def opened(ids):
    try:
        open_jobs(ids)
    finally:
        connection.close()


def test_searches_wait_for_a_reference_that_was_asked_for_whichever_is_opened_first():
    reference, search = pending("1", "2")
    reference.images.update(is_reference=True)
    (first,) = ask(reference.images.all())
    (second,) = ask(search.images.all())
    open_jobs([second.pk])
    assert {image.status for image in search.images.all()} == {Status.WAITING}
    open_jobs([first.pk])
    assert {image.status for image in reference.images.all()} == {Status.QUEUED}
    reference.images.update(status=Status.DONE)
    recovery.recover_lost_work()
    assert {image.status for image in search.images.all()} == {Status.QUEUED}


def test_what_can_not_be_put_on_the_queue_is_in_the_log_of_each_exposure(monkeypatch):
    exposures = pending("1", "2")
    jobs = ask(GalImage.objects.all())

    def refuse(*_):
        raise GalprojectError("stored options are no longer valid")

    monkeypatch.setattr(asking, "options_of", refuse)
    open_jobs([job.pk for job in jobs])
    for exposure in exposures:
        line = exposure.checkpoints.get()
        assert line.level == "error" and "no longer valid" in line.note
    assert not GalJob.objects.open().exists() and statuses() == {Status.PENDING}


def test_a_lost_message_is_sent_again():
    pending("1")
    (job,) = ask(GalImage.objects.all())
    OrmQ.objects.all().delete()
    recovery.recover_lost_work()
    assert on_the_queue() == []  # a worker may have it in hand
    GalJob.objects.update(created=timezone.now() - timedelta(minutes=3))
    recovery.recover_lost_work()
    assert on_the_queue() == [("open_jobs", ([job.pk],))]


def test_failed_chips_are_asked_for_with_the_options_of_before():
    exposure = make_exposure("1", [Status.FAILED, Status.DONE], closed=5)
    before = exposure.jobs.get()
    before.options = {"selection": {"threshold_sigma": 31.0}}
    before.save()
    (job,) = ask_failed(GalImage.objects.all())
    assert job.option_set_id == before.option_set_id
    assert job.asked == [exposure.images.get(status=Status.FAILED).pk]


@pytest.mark.parametrize("is_waiting", [False, True])
def test_the_sweep_asks_as_much_however_many_jobs_are_open(is_waiting, django_assert_num_queries):
    (reference,) = pending("reference")
    reference.images.update(is_reference=True)
    if is_waiting:
        enqueue(reference.images.all())
    for n in (3, 20):
        more = pending(*(f"{n} {k}" for k in range(n)))
        enqueue(GalImage.objects.filter(exposure__in=more))
        with django_assert_num_queries(3 + is_waiting):
            recovery.recover_lost_work()
    wanted = Status.WAITING if is_waiting else Status.QUEUED
    assert GalImage.objects.searches().filter(status=wanted).count() == 2 * 23


def test_clusters_that_fetch_at_once_get_different_messages_and_none_is_left():
    send_tasks("process_chip", [(n, 1) for n in range(40)])
    fetched, barrier = [], threading.Barrier(4)

    def fetch():
        broker = DatabaseBroker(get_broker().list_key)
        barrier.wait()
        for _ in range(10):
            fetched.extend(broker.dequeue() or ())
        connection.close()

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pk for pk, _ in fetched}) == len(fetched) == 40
    assert get_broker().is_empty()


def test_a_fetched_message_is_not_waited_for_by_other_clusters():
    """Whatever the transaction that has it locked does."""
    send_tasks("process_chip", [(1, 1), (2, 1)])
    others = []

    def fetch():
        others.extend(DatabaseBroker(get_broker().list_key).dequeue())
        connection.close()

    with transaction.atomic():
        first = get_broker().dequeue()
        thread = threading.Thread(target=fetch)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    assert {pk for pk, _ in first}.isdisjoint({pk for pk, _ in others})
