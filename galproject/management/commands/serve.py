"""manage.py serve: the web server and a cluster of workers, started and stopped together."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.management.base import ALL_CHECKS, CommandError

from exposures.management.base import SurveyCommand
from exposures.management.command_errors import plain_errors
from exposures.management.numbers import WholeNumber
from galproject.site.processes import (
    MAX_PROCESSES,
    MAX_THREADS,
    connections_warning,
    default_processes,
)
from galproject.site.static_files import StaticFolder
from photometry.storage.lock_table import lock_warning

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_SECONDS = 0.2
N_NAMED = 6  # of the users, in the line that says who can log in
HANG_SECONDS = 30  # without a sign of life, after which a web process is replaced
STOP_SECONDS = 30  # to answer what was asked before the server was stopped


class Command(SurveyCommand):
    requires_system_checks = ALL_CHECKS
    help = (
        "Start the web server and a cluster of workers. Ctrl-C or SIGTERM stops both: the workers "
        "end the chips that they have in hand, a second one stops them at once."
    )

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=WholeNumber(1, 65_535), default=8000)
        parser.add_argument(
            "--processes",
            type=WholeNumber(1, MAX_PROCESSES),
            default=default_processes(),
            help="processes of the web server (default: one a core, at least 2 and at most 4)",
        )
        parser.add_argument(
            "--threads",
            type=WholeNumber(1, MAX_THREADS),
            default=4,
            help="threads of each process, each with a database connection (default 4)",
        )
        parser.add_argument(
            "--no-workers", action="store_true", help="start the web server without workers"
        )

    def handle(self, *, host, port, processes, threads, no_workers, **_):
        with plain_errors():
            who = login_text()
            n_workers = 0 if no_workers else settings.N_WORKERS
            connections = connections_warning(processes * threads, n_workers)
            # Workers tell it themselves.
            locks = lock_warning() if no_workers else ""
            static = StaticFolder(settings.BASE_DIR / "data" / "static")
        commands = {"web server": web_server(host, port, processes, threads)}
        if not no_workers:
            commands["workers"] = [sys.executable, settings.BASE_DIR / "manage.py", "qcluster"]
        with TemporaryDirectory(prefix="galproject-cache-") as cache:
            environment = static.environment() | {"GALPROJECT_CACHE": cache}
            if settings.METRICS_TOKEN:
                # What each process of the web server counts, for all to read.
                environment["PROMETHEUS_MULTIPROC_DIR"] = str(Path(cache) / "metrics")
                Path(environment["PROMETHEUS_MULTIPROC_DIR"]).mkdir()
            lines = [f"http://{host}:{port}/  (Ctrl-C stops it)", who, connections, locks]
            self.run_all(commands, environment, static, lines)

    def run_all(self, commands, environment, static, lines):
        """Run commands side by side until one ends or a signal comes; print ``lines`` meanwhile."""
        self.n_signals = 0
        for number in STOP_SIGNALS:
            signal.signal(number, self.count_signal)
        # Each in a session of its own, so that Ctrl-C reaches only this process, which passes
        # it on in order.
        processes = {
            name: subprocess.Popen(
                command,
                cwd=settings.BASE_DIR,
                env=os.environ | environment,
                pass_fds=[static.fd],
                start_new_session=True,
            )
            for name, command in commands.items()
        }
        for line in filter(None, lines):
            self.stdout.write(line)
        ended = self.wait_for_one(processes)
        self.stop(processes)
        if ended:
            raise CommandError(f"Ended without being asked to: {', '.join(ended)}; see above")

    def count_signal(self, *_):
        self.n_signals += 1

    def wait_for_one(self, processes):
        """The names of processes that ended by themselves; empty after a signal."""
        while not self.n_signals:
            ended = [name for name, process in processes.items() if process.poll() is not None]
            if ended:
                return ended
            time.sleep(LOOK_SECONDS)
        return []

    def stop(self, processes):
        """Stop all processes and wait for them; a second signal kills them."""
        for process in processes.values():
            process.terminate()
        if any(process.poll() is None for process in processes.values()):
            self.stdout.write("Stopping; chips in hand are ended first (Ctrl-C again: at once)")
        while any(process.poll() is None for process in processes.values()):
            if self.n_signals > 1:
                kill_sessions(processes.values())
            time.sleep(LOOK_SECONDS)


def kill_sessions(processes):
    """Kill processes and their children."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def web_server(host, port, processes, threads):
    """The command line of a web server of several processes.

    The application is loaded before they are forked, so that one that dies is replaced at once.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = {
        "--bind": address,
        "--worker-class": "galproject.site.web_worker.WebWorker",
        "--workers": processes,
        "--threads": threads,
        "--timeout": HANG_SECONDS,
        "--graceful-timeout": STOP_SECONDS,
        "--log-level": "warning",
        "--logger-class": "galproject.site.server_log.ServerLog",
    }
    words = [str(word) for option in options.items() for word in option]
    return [sys.executable, "-m", "gunicorn", "galproject.wsgi", "--preload", *words]


def login_text() -> str:
    """Lines about who can log in, or how to make a user."""
    users = get_user_model().objects.filter(is_active=True).order_by("-is_superuser", "username")
    users = users.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    names = [user.get_username() for user in users[: N_NAMED + 1]]
    manage = ".venv/bin/python manage.py"
    if not names:
        return f"Nobody can log in yet: {manage} createsuperuser makes a user"
    told = ", ".join(names[:N_NAMED]) + (" and others" if len(names) > N_NAMED else "")
    return f"Log in as {told}; a new password: {manage} changepassword {names[0]}"
