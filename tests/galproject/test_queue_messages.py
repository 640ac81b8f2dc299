"""The queue carries names of our tasks and their numbers; nothing else is run by a worker."""

import inspect
import json
import pickle
from base64 import b64encode
from datetime import timedelta
from importlib import import_module
from itertools import count
from multiprocessing import Event
from pydoc import locate
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import signing
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone
from django_q import core_signing
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule, Task
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.queues import Queue
from django_q.scheduler import scheduler
from django_q.signing import BadSignature, SignedPackage
from django_q.status import Stat
from django_q.tasks import async_task

from exposures.errors import GalprojectError
from galproject.queue import tasks
from galproject.queue.messages import SALT, TASKS, RefusedMessageError
from galproject.queue.results import REFUSED
from galproject.references import tasks as reference_tasks


class Payload:
    """A pickle that runs what it likes where it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class PickleSerializer:
    """As django-q2 has it."""

    dumps = staticmethod(pickle.dumps)
    loads = staticmethod(pickle.loads)


@pytest.fixture
def kept_connection(monkeypatch):
    """Of the transaction of a test, which a cluster's processes would close."""
    for module in ("monitor", "scheduler", "brokers.orm.db"):
        name = "close_old_connections" if module.endswith("db") else "close_old_django_connections"
        monkeypatch.setattr(f"django_q.{module}.{name}", lambda: None)


def task(**changed):
    """A task as django-q2 makes one, before it is signed."""
    known = {
        "id": uuid4().hex,
        "name": "four-words-of-greeting",
        "func": "galproject.queue.tasks.process_chip",
        "args": [7, 11],
        "kwargs": {},
        "started": timezone.now().isoformat(),
        "save": False,
        "ack_failure": True,
    }
    return known | changed


def signed(content, key=settings.SECRET_KEY, salt=SALT):
    return signing.dumps(content, key=key, salt=salt)


def test_a_message_is_read_as_it_was_written():
    written = task(started=timezone.now(), group="job 11", args=(7, 11))
    assert SignedPackage.loads(SignedPackage.dumps(written)) == written


@pytest.mark.parametrize(
    ("args", "former", "now"),
    [
        ([7, 11], "process_chip", "galproject.queue.tasks.process_chip"),
        ([[7]], "join_withdrawn", "galproject.references.tasks.crossmatch_withdrawn"),
        ([], "sweep", "galproject.queue.tasks.recover_lost_work"),
    ],
)
def test_a_message_that_was_sent_under_a_former_name_is_done(args, former, now):
    before = f"galproject.tasks.{former}"
    read = SignedPackage.loads(signed({"task": task(func=before, args=args)}))
    assert read["func"] == now and list(read["args"]) == args
    assert callable(locate(read["func"]))  # as a worker finds it


def test_a_recovery_that_was_sent_as_a_sweep_is_done():
    read = SignedPackage.loads(signed({"task": task(func="galproject.queue.tasks.sweep", args=[])}))
    assert read["func"] == "galproject.queue.tasks.recover_lost_work"


def test_a_cross_match_that_was_sent_as_a_join_is_done():
    before = "galproject.references.tasks.join_withdrawn"
    read = SignedPackage.loads(signed({"task": task(func=before, args=[[7]])}))
    assert read["func"] == "galproject.references.tasks.crossmatch_withdrawn"


@pytest.mark.django_db
def test_what_waits_in_the_table_is_json():
    async_task("galproject.queue.tasks.process_chip", 7, 11, group="job 11", save=False)
    payload = OrmQ.objects.get().payload
    content = json.loads(signing.b64_decode(payload.split(":")[0].encode()))["task"]
    assert (content["func"], content["args"]) == ("galproject.queue.tasks.process_chip", [7, 11])


def test_a_pickle_is_not_even_read_though_signed_with_the_right_key(tmp_path):
    path = tmp_path / "run"
    for salt in (Conf.PREFIX, SALT):
        message = core_signing.dumps(
            {**task(), "args": (Payload(path),)},
            key=settings.SECRET_KEY,
            salt=salt,
            serializer=PickleSerializer,
        )
        with pytest.raises(RefusedMessageError):
            SignedPackage.loads(message)
    assert not path.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"func": "os.system", "args": ["touch /tmp/x"]},
        {"func": "galproject.queue.tasks.os.system"},
        {"func": "galproject.tasks.os"},
        {"func": "galproject.queue.tasks.change_reference", "args": [[1], [2], "a", "b", []]},
        {"func": "galproject.queue.tasks.Path"},
        {"func": "galproject.queue.tasks.__builtins__"},
        {"func": "galproject.queue.tasks"},
        {"func": "process_chip"},
        {"func": "galproject.queue.jobs.work"},
        {"func": None},
        {"func": ["galproject.queue.tasks.recover_lost_work"]},
        {"args": []},
        {"args": [1, 2, 3]},
        {"args": ["1", 2]},
        {"args": [1.5, 2]},
        {"args": [True, 2]},
        {"args": [-1, 2]},
        {"args": [2**63, 2]},
        {"args": [[1], 2]},
        {"args": [None, 2]},
        {"args": [float("nan"), 2]},
        {"args": {"image_id": 1}},
        {"kwargs": {"job_id": 3}},
        {"kwargs": {"q_options": {"hook": "os.system"}}},
        {"hook": "os.system"},
        {"chain": [["os.system", ["ls"], {}]]},
        {"cached": True},
        {"sync": True},
        {"iter_count": 1},
        {"timeout": 10**9},
        {"id": "../.."},
        {"name": "x" * 1000},
        {"group": {"a": 1}},
        {"started": "yesterday"},
        {"ack_id": 3},
        {"result": "done"},
    ],
    ids=str,
)
def test_whatever_no_task_of_ours_takes_is_refused_though_signed(changed):
    with pytest.raises(RefusedMessageError):
        SignedPackage.loads(signed({"task": task(**changed)}))
    with pytest.raises(RefusedMessageError):
        SignedPackage.dumps(task(**changed))


@pytest.mark.parametrize(
    "message",
    [
        *("", "a", ":", "a:b:c", "\x00", "é:é:é", "." * 100, b"\xff\xfe", None, 7, [], {}),
        signed({"task": task()}, key="another key" * 10),
        signed({"task": task()}, salt=Conf.PREFIX),
        signed({"task": task()})[:-1],
        signed({"task": task()}).swapcase(),
        *(signed(content) for content in ({}, [], None, 7, "sweep", {"task": None}, {"task": []})),
        signed({"task": task(), "cluster": {}}),
        signed({"other": task()}),
    ],
    ids=count(),  # the same in all processes, as texts with the time of their signature aren't
)
def test_what_nobody_of_ours_has_signed_is_refused(message):
    with pytest.raises(BadSignature):
        SignedPackage.loads(message)


def test_every_task_is_known_with_as_many_arguments_as_it_takes():
    own = {
        f"{module.__name__}.{name}": task
        for module in (tasks, reference_tasks)
        for name, task in inspect.getmembers(module, inspect.isfunction)
        if task.__module__ == module.__name__ and name[0] != "_"
    }
    assert own.keys() - {"galproject.queue.tasks.queue_fetches"} == TASKS.keys()
    for name, asked in TASKS.items():
        takes = inspect.signature(own[name]).parameters
        n_asked = len(asked.json_schema().get("prefixItems", []))
        n_needed = sum(p.default is inspect.Parameter.empty for p in takes.values())
        assert n_needed <= n_asked <= len(takes), name


class OneAfterTheOther:
    """A broker that hands out some messages, and notes what became of them."""

    list_key = "galproject"

    def __init__(self, messages, event):
        self.messages, self.event, self.failed = list(enumerate(messages)), event, []

    def dequeue(self):
        if len(self.messages) == 1:
            self.event.set()
        return [self.messages.pop(0)]

    def fail(self, number):
        self.failed.append(number)


def test_a_worker_goes_on_after_messages_that_it_refuses(tmp_path, caplog):
    old = core_signing.dumps(
        task(), key=settings.SECRET_KEY, salt=Conf.PREFIX, serializer=PickleSerializer
    )
    event, waiting = Event(), Queue()
    bad = [old, b"\xff\xff", "garbage", signed({"task": task(func="os.system")})]
    broker = OneAfterTheOther([*bad, signed({"task": task()})], event)
    pusher(waiting, event, broker)
    assert broker.failed == [0, 1, 2, 3]
    assert waiting.get(timeout=10)["func"] == "galproject.queue.tasks.process_chip"
    assert "an earlier version of galproject" in caplog.text
    assert "os.system is no task of galproject" in caplog.text


@pytest.mark.django_db
def test_a_task_that_travels_is_noted(kept_connection):
    async_task("galproject.queue.tasks.recover_lost_work")
    done = SignedPackage.loads(OrmQ.objects.get().payload)
    results = Queue()
    results.put(done | {"result": {"n": 3}, "success": True, "stopped": timezone.now()})
    results.put("STOP")
    monitor(results, get_broker())
    assert Task.objects.get().result == {"n": 3} and Task.objects.get().started == done["started"]


def test_what_a_cluster_says_of_itself_is_read_too():
    states = {"pid": 1, "parent_pid": 2, "cluster_id": uuid4(), "tob": timezone.now()}
    queue = SimpleNamespace(qsize=lambda: 4)
    sentinel = SimpleNamespace(
        **states,
        reincarnations=0,
        broker=object(),
        status=lambda: Conf.IDLE,
        result_queue=queue,
        task_queue=queue,
        pool=[SimpleNamespace(pid=9)],
        monitor=SimpleNamespace(pid=10),
        pusher=SimpleNamespace(pid=11),
    )
    stat = Stat(sentinel)
    read = SignedPackage.loads(SignedPackage.dumps(stat, True))
    assert isinstance(read, Stat) and read.uptime() > 0
    assert (read.workers, read.status, read.monitor) == ([9], str(Conf.IDLE), 10)


@pytest.mark.django_db
def test_results_that_run_something_when_read_are_not_run(tmp_path):
    path = tmp_path / "run"
    now = timezone.now()
    Task.objects.create(
        id="a" * 32, name="n", func="f", started=now, stopped=now, args=(1,), result={"a": [None]}
    )
    assert Task.objects.get().args == (1,) and Task.objects.get().result == {"a": [None]}
    for damaged in (pickle.dumps(Payload(path)), b"\x80", b"garbage", b"", b"\x80\x05h"):
        with connection.cursor() as cursor:
            value = b64encode(damaged).decode()
            cursor.execute("UPDATE django_q_task SET result = %s, args = %s", [value, value])
        assert Task.objects.get().result == REFUSED, damaged
    assert not path.exists()


@pytest.mark.django_db
def test_nothing_but_our_own_tasks_can_be_scheduled():
    for func, hook in (
        ("os.system", None),
        ("galproject.queue.tasks.recover_lost_work", "os.system"),
    ):
        with pytest.raises(GalprojectError, match="can't be scheduled"):
            Schedule.objects.create(func=func, hook=hook, schedule_type=Schedule.DAILY)


@pytest.mark.django_db
def test_our_schedules_are_put_on_the_queue(kept_connection):
    Schedule.objects.update(next_run=timezone.now() - timedelta(hours=1))
    scheduler(get_broker())
    waiting = {SignedPackage.loads(row.payload)["func"] for row in OrmQ.objects.all()}
    assert waiting == {
        "galproject.queue.tasks.process_night",
        "galproject.queue.tasks.recover_lost_work",
        "galproject.references.tasks.measure_motions",
        "galproject.queue.tasks.learn_from_votes",
        "galproject.queue.tasks.measure_overdue_variability",
        "galproject.queue.tasks.match_unmatched",
        "galproject.queue.tasks.remove_unused_options",
        "galproject.queue.tasks.mail_notices",
        "galproject.queue.tasks.mail_daily",
        "galproject.queue.tasks.report_night",
    }


@pytest.mark.django_db
def test_schedules_under_former_names_are_kept_and_done(kept_connection):
    Schedule.objects.update(func=Concat(Value("galproject.tasks."), "name"))
    Schedule.objects.update(next_run=timezone.now() - timedelta(hours=1))
    scheduler(get_broker())
    waiting = {SignedPackage.loads(row.payload)["func"] for row in OrmQ.objects.all()}
    assert waiting == {
        "galproject.queue.tasks.process_night",
        "galproject.queue.tasks.recover_lost_work",
        "galproject.references.tasks.measure_motions",
        "galproject.queue.tasks.learn_from_votes",
        "galproject.queue.tasks.measure_overdue_variability",
        "galproject.queue.tasks.match_unmatched",
        "galproject.queue.tasks.remove_unused_options",
        "galproject.queue.tasks.mail_notices",
        "galproject.queue.tasks.mail_daily",
        "galproject.queue.tasks.report_night",
    }
    assert set(Schedule.objects.values_list("func", flat=True)) == waiting


@pytest.mark.django_db
def test_schedules_get_the_present_names_of_their_tasks():
    names = ("0006_names_of_tasks", "0007_recovery_of_lost_work")
    found = (import_module(f"galproject.migrations.{name}").Migration for name in names)
    renamings = [operation for migration in found for operation in migration.operations]
    present = set(Schedule.objects.values_list("func", flat=True))
    with connection.schema_editor() as editor:
        for renaming in reversed(renamings):
            renaming.database_backwards("galproject", editor, None, None)
        former = set(Schedule.objects.values_list("func", flat=True))
        always = {  # these came later
            "galproject.references.tasks.measure_motions",
            "galproject.queue.tasks.learn_from_votes",
            "galproject.queue.tasks.measure_overdue_variability",
            "galproject.queue.tasks.match_unmatched",
            "galproject.queue.tasks.remove_unused_options",
            "galproject.queue.tasks.mail_notices",
            "galproject.queue.tasks.mail_daily",
            "galproject.queue.tasks.report_night",
        }
        assert former - always == {"galproject.tasks.process_night", "galproject.tasks.sweep"}
        for renaming in renamings:
            renaming.database_forwards("galproject", editor, None, None)
    assert set(Schedule.objects.values_list("func", flat=True)) == present
