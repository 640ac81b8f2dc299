"""The tables of the queue: times of our own schedules can be changed, and nothing else."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.tasks import async_task

pytestmark = pytest.mark.django_db

PAGES = {"schedule": Schedule, "success": Success, "failure": Failure, "ormq": OrmQ}


@pytest.fixture
def root(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def rows():
    """A row of each table: {name of its page: row}."""
    now = timezone.now()
    for pk, success in (("a" * 32, True), ("b" * 32, False)):
        Task.objects.create(
            id=pk,
            name="n",
            func="os.system",
            args=("ls",),
            success=success,
            started=now,
            stopped=now,
            result="no",
        )
    async_task("galproject.queue.tasks.recover_lost_work")
    return {name: model.objects.last() for name, model in PAGES.items()}


def address(name, act, *ids):
    return reverse(f"admin:django_q_{name}_{act}", args=ids)


def times(**changed):
    tomorrow = timezone.now() + timedelta(days=1)
    given = {"next_run_0": tomorrow.date(), "next_run_1": "20:30", "schedule_type": "D"}
    return given | changed


def test_every_page_opens(root, rows):
    for name, row in rows.items():
        assert root.get(address(name, "changelist")).status_code == 200
        assert root.get(address(name, "change", row.pk)).status_code == 200


def test_nothing_is_added_deleted_or_done_again(root, rows):
    before = {name: list(model.objects.order_by("pk").values()) for name, model in PAGES.items()}
    for name, row in rows.items():
        assert root.get(address(name, "add")).status_code == 403
        assert root.post(address(name, "add"), {"func": "os.system"}).status_code == 403
        assert root.post(address(name, "delete", row.pk), {"post": "yes"}).status_code == 403
        for action in ("resubmit_task", "delete_selected"):
            chosen = {"action": action, "_selected_action": [row.pk], "post": "yes"}
            root.post(address(name, "changelist"), chosen)
        if name != "schedule":
            changed = {"key": "galproject", "payload": "x", "func": "os.system", "lock_0": ""}
            assert root.post(address(name, "change", row.pk), changed).status_code == 403
    assert before == {
        name: list(model.objects.order_by("pk").values()) for name, model in PAGES.items()
    }


def test_the_times_of_a_schedule_are_changed_and_nothing_else(root):
    night = Schedule.objects.get(name="process_night")
    others = {
        "name": "mine",
        "func": "os.system",
        "hook": "os.system",
        "args": "'ls'",
        "kwargs": "a=1",
        "cluster": "x",
        "repeats": 3,
        "cron": "* * * * *",
        "intended_date_kwarg": "when",
    }
    response = root.post(address("schedule", "change", night.pk), times(**others))
    assert response.status_code == 302
    known = Schedule.objects.filter(pk=night.pk).values(*others).get()
    assert known == {name: getattr(night, name) for name in others}
    assert f"{Schedule.objects.get(pk=night.pk).next_run:%H:%M}" == "20:30"


@pytest.mark.parametrize(
    "changed",
    [
        {"schedule_type": "O"},
        {"schedule_type": "C"},
        {"schedule_type": ""},
        {"schedule_type": "I", "minutes": ""},
        {"schedule_type": "I", "minutes": "0"},
        {"schedule_type": "I", "minutes": "-1"},
        {"schedule_type": "I", "minutes": "9" * 400},
        {"next_run_0": "0001-01-01"},
        {"next_run_0": "9999-12-31"},
        {"next_run_0": ""},
        {"next_run_1": "soon"},
    ],
)
def test_times_that_stop_or_delay_the_clock_are_refused_with_words(root, changed):
    recovery = Schedule.objects.get(name="recover_lost_work")
    response = root.post(address("schedule", "change", recovery.pk), times(**changed))
    assert response.status_code == 200 and b"errorlist" in response.content
    assert Schedule.objects.get(pk=recovery.pk).schedule_type == "I"


def test_schedules_of_others_are_not_shown(root):
    Schedule.objects.bulk_create([Schedule(name="theirs", func="os.system", repeats=0)])
    theirs = Schedule.objects.get(name="theirs")
    assert b"theirs" not in root.get(address("schedule", "changelist")).content
    assert root.get(address("schedule", "change", theirs.pk)).status_code == 302
