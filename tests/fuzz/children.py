"""A case tried in a process of its own, with bounds of time and memory, and what became of it."""

import multiprocessing
import os
import resource
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

SECONDS, WALL_SECONDS = 60, 600  # of the processor; and by the clock, of what waits for ever
BYTES = 3 << 30  # beyond what this process has
CLEAR, PLAUSIBLE, UNKNOWABLE = "clear error", "plausible", "nobody can tell"
IMPLAUSIBLE, TRACEBACK = "implausible but done", "traceback or stopped night"
CRASH, HANG, MEMORY = "crash", "hang", "more than 3 GB"
GOOD = CLEAR, PLAUSIBLE, UNKNOWABLE
VERDICTS = (*GOOD, IMPLAUSIBLE, TRACEBACK, CRASH, HANG, MEMORY)


@dataclass(frozen=True)
class Verdict:
    """What became of a case, and in words."""

    kind: str  # of VERDICTS
    text: str = ""
    found: object = None  # what else is to be known of it


def tried(function, *arguments, log: Path) -> Verdict:
    """The Verdict of ``function``, called in a forked child; what it prints goes to ``log``."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_try, args=(function, arguments, theirs, log))
    child.start()
    theirs.close()
    try:
        verdict = ours.recv()
    except EOFError:
        verdict = None
    child.join()
    if child.exitcode in (-signal.SIGALRM, -signal.SIGXCPU):
        return Verdict(HANG, f"ended by {signal.Signals(-child.exitcode).name}")
    if verdict is None or child.exitcode < 0:
        return Verdict(CRASH, f"exit code {child.exitcode}")
    return verdict


def _try(function, arguments, pipe, log):
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_own_bytes() + BYTES,) * 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WALL_SECONDS)
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + SECONDS, int(used) + SECONDS + 9))
    try:
        verdict = function(*arguments)
    except MemoryError:
        verdict = Verdict(MEMORY)
    except BaseException:
        verdict = Verdict(TRACEBACK, traceback.format_exc())
    signal.alarm(0)
    more = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if more > BYTES or "more memory than there is" in verdict.text:
        verdict = Verdict(MEMORY, f"{more / 1e9:.1f} GB; {verdict.text}")
    pipe.send(verdict)
    sys.stdout.flush()
    os._exit(0)


def _own_bytes():
    """What this process has of its own already."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData"))
