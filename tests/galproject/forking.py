"""What processes do in tests of forked workers; importable in a new process, without Django."""

import os
import signal
import threading

from galproject.queue import worker
from galproject.queue.worker_pool import Death, WorkerPool, can_fork

WORK = f"{__name__}.describe"


def session():
    """The number of this process's session in the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def describe(is_deadly):
    """The process, its session, and how much machine code it had before it worked."""
    from photometry.science import compiled

    if is_deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), session(), sum(len(kept.overloads) for kept in compiled.KEPT)


def begin(database):
    """Set up Django, claim a job, and load what a chip is processed with; the session."""
    worker.start(database)
    from exposures.locks import Claimed, take
    from galproject.processing import pipeline  # noqa: F401  (its compiled functions are kept)

    take(Claimed.JOB, 7)
    return session()


def pool_of(database):
    from photometry.science.compiled import load_kept

    return WorkerPool(WORK, worker.start, (database,), preload=load_kept)


def run_pool(database, answers):
    """Have workers forked, of which one dies; answers with what was seen."""
    before = begin(database)
    tasks = [(number == 1,) for number in range(6)]
    outcomes = [outcome for _, outcome in pool_of(database).run(tasks, 2)]
    deaths = [outcome.how for outcome in outcomes if isinstance(outcome, Death)]
    described = [outcome for outcome in outcomes if not isinstance(outcome, Death)]
    answers.put((before, session(), os.getpid(), deaths, described))


def wait_for_ever(database, answers):
    """Fork two workers that wait for tasks, and wait for the end."""
    begin(database)
    tasks = ((False,) for _ in range(3))
    for _, (pid, *_) in pool_of(database).run(tasks, 2):
        answers.put(pid)
        signal.pause()


def threads(database, answers):
    """Whether this process forks: alone, beside a bar of tqdm, and beside a thread."""
    from tqdm import tqdm

    from galproject.queue.worker_pool import end_thread_of_bars

    found = [can_fork()]
    with tqdm(disable=True):
        found.append(can_fork())
        end_thread_of_bars()
        found.append(can_fork())
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    found.append(can_fork())
    ended.set()
    thread.join()
    answers.put(found)
