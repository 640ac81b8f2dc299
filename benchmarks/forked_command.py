"""Commands of manage.py in processes of their own, forked from one that has loaded what they load.

A new interpreter takes most of a second until Django is set up, and a second more for the machine
code of its first chip: longer than a small chip.
"""

import multiprocessing
import os
import sys
import tempfile

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["benchmarks.preloaded"])


def run_forked(words, environment, seconds):
    """Run manage.py with arguments in an environment: (exit status, output).

    Raises TimeoutError where it takes longer.
    """
    with tempfile.NamedTemporaryFile() as output:
        process = start_forked(words, environment, output.name)
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"manage.py {words[0]} took longer than {seconds} s")
        return process.exitcode, output.read().decode()


def start_forked(words, environment, output, is_session_leader=False):
    """Start manage.py with arguments in an environment, which adds what it writes to a file.

    Returns its Process; with all that it starts it can be killed as a group if it leads a session.
    """
    arguments = [*map(str, words)], environment, str(output), is_session_leader
    process = CONTEXT.Process(target=_run, args=arguments)
    process.start()
    return process


def _run(words, environment, output, is_session_leader):
    from galproject.management.command_line import run

    if is_session_leader:
        os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for path, flags, numbers in (
        (os.devnull, os.O_RDONLY, [0]),
        (output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, [1, 2]),
    ):
        descriptor = os.open(path, flags, 0o644)
        for number in numbers:
            os.dup2(descriptor, number)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
    sys.argv = ["manage.py", *words]
    run(sys.argv)
