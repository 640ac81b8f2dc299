"""A pool of processes, in which a dying one loses no task but its own.

The executor of concurrent.futures gives up all remaining tasks if one process dies, and doesn't say
how it died. This module can be imported before Django is set up.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from django.utils.module_loading import import_string
from tqdm import tqdm

# Threads whose library prepares itself for a fork, by the system's names: of pyarrow's allocator.
FORKED_WITH = {"jemalloc_bg_thd"}


@dataclass(frozen=True)
class Death:
    """The unexpected end of a process."""

    how: str  # "SIGSEGV", or "exit status 3"


@dataclass(frozen=True)
class WorkerPool:
    """Processes that run ``start`` once, then a function with the arguments of each task."""

    # Its dotted name, as its module may need what ``start`` does, such as setting up Django.
    function: str
    start: Callable
    start_arguments: tuple = ()
    # Once before processes are forked: what it loads they share, and none has to load it again.
    preload: Callable | None = None

    def run(self, tasks: Iterable[tuple], n_workers: int) -> Iterator[tuple[tuple, Any]]:
        """Yield each task, a tuple of arguments, and its result or Death, as they come.

        Raises what the function raises. If the caller stops early, tasks in progress are waited for
        and the rest are left.
        """
        waiting = deque(tasks)
        end_thread_of_bars()
        if waiting and self.preload is not None and can_fork():
            self.preload()
        workers: list[_Worker] = []
        try:
            for _ in range(min(n_workers, len(waiting))):
                workers.append(_Worker(self, workers))
                workers[-1].take(waiting)
            while busy := [w for w in workers if w.task is not None]:
                ready = wait([w.connection for w in busy])
                for worker in [w for w in busy if w.connection in ready]:
                    task, result = worker.task, worker.outcome()
                    worker.take(waiting)
                    if task is not None:
                        yield task, result
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """A worker process, replaced when it dies, and its current task."""

    def __init__(self, pool: WorkerPool, all_workers: list["_Worker"]) -> None:
        self.pool = pool
        self.all_workers = all_workers  # of the pool, this one too once it has begun
        self.task: tuple | None = None
        self._begin()

    def _begin(self) -> None:
        is_forked = can_fork()
        context: Any = multiprocessing.get_context("fork" if is_forked else "spawn")
        self.connection, others = context.Pipe()
        # A copy of this process has our ends too, and would never see that we are gone.
        siblings = [worker.connection for worker in self.all_workers if worker is not self]
        ours = [self.connection, *siblings] if is_forked else []
        self.process = context.Process(target=_serve, args=(others, self.pool, ours))
        self.process.start()
        others.close()  # so that its end is seen here

    def take(self, waiting: deque[tuple]) -> None:
        """Begin the next waiting task, in a new process if this one died."""
        self.task = waiting.popleft() if waiting else None
        if self.task is None:
            return
        if not self.process.is_alive():
            self.connection.close()
            self._begin()
        # Where it dies in this moment, that is the outcome.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(self.task)

    def outcome(self) -> Any:
        """The result of the current task, or the Death of its process; raises what it raised."""
        try:
            is_result, value = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return Death(_how(self.process.exitcode))
        if not is_result:
            raise value
        return value

    def end(self) -> None:
        """Let the process finish its current task and exit."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(None)
        self.process.join()
        self.connection.close()


def can_fork() -> bool:
    """Whether a copy of this process can go on alone: no other thread has locks that it would keep.

    A copy begins at once, with all that is loaded; a new process takes seconds to load it.
    """
    own = threading.get_native_id()
    try:
        others = [task for task in Path("/proc/self/task").iterdir() if task.name != str(own)]
        return all((task / "comm").read_text().strip() in FORKED_WITH for task in others)
    except OSError:  # no Linux
        return False


def end_thread_of_bars() -> None:
    """End tqdm's thread, beside which nothing is forked; it refreshes bars that nothing moves."""
    monitor, tqdm.monitor = tqdm.monitor, None
    if monitor is None:
        return
    monitor.exit()
    # The system may have it a moment longer than Python.
    latest = time.monotonic() + 0.1
    while os.path.exists(f"/proc/self/task/{monitor.native_id}") and time.monotonic() < latest:
        time.sleep(0.001)


def _serve(connection: Connection, pool: WorkerPool, ends_of_parent: list[Connection]) -> None:
    """Run tasks in a process until there are no more, or the parent is gone."""
    for end in ends_of_parent:
        end.close()
    pool.start(*pool.start_arguments)
    function = import_string(pool.function)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while (task := connection.recv()) is not None:
            connection.send(_outcome(function, task))


def _outcome(function: Callable, task: tuple) -> tuple[bool, Any]:
    """Whether a function succeeded, with its result or exception in a form that can be sent."""
    try:
        return True, function(*task)
    except Exception as error:  # whatever it is, it is raised where the result is waited for
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # errors of libraries may refuse in any way
            return False, RuntimeError(f"{type(error).__name__}: {error}")
        return False, error


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal_name(-exit_code)
    return f"exit status {exit_code}"


def signal_name(number: int) -> str:
    """The name of a signal, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
