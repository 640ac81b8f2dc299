"""Workers that are forked begin with what their parent loaded, and share no session with it."""

import multiprocessing
import os
import signal
import sys
import time

import pytest
from django.db import connection

from exposures.locks import Claimed, claim
from tests.galproject import forking

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone"),
]


def begun(target):
    """A new process without pytest's threads, and the queue of its answers."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=target, args=(connection.settings_dict["NAME"], answers))
    process.start()
    return process, answers


def test_forked_workers_have_the_machine_code_and_sessions_of_their_own():
    process, answers = begun(forking.run_pool)
    before, after, pid, deaths, described = answers.get(timeout=120)
    process.join(60)
    assert process.exitcode == 0
    assert before == after  # no worker has ended it
    assert deaths == ["SIGKILL"]  # and its worker was replaced
    assert len(described) == 5
    pids, sessions, loaded = map(set, zip(*described, strict=True))
    assert pid not in pids
    assert len(pids) == len(sessions) <= 3
    assert before not in sessions
    assert len(loaded) == 1  # what each had before its first task, and no more since


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(happened, seconds=30):
    latest = time.monotonic() + seconds
    while not happened() and time.monotonic() < latest:
        time.sleep(0.05)
    return happened()


def is_claimable():
    with claim(Claimed.JOB, 7) as is_free:
        return is_free


def test_workers_and_what_is_claimed_end_with_a_parent_that_is_killed():
    process, answers = begun(forking.wait_for_ever)
    worker = answers.get(timeout=120)
    assert is_alive(worker)
    assert not is_claimable()
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert wait_until(is_claimable)
    assert wait_until(lambda: not is_alive(worker))


def test_a_process_is_not_forked_beside_a_thread_but_bars_are_no_hindrance():
    process, answers = begun(forking.threads)
    assert answers.get(timeout=120) == [True, False, True, False]
    process.join(60)
