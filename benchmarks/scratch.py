"""A database for one benchmark alone, and the commands of a user run in it."""

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
# One core a process, so that figures say what a worker costs.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import django  # noqa: E402

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import override_settings  # noqa: E402

from benchmarks.peak_memory import forget_peak, peak_mb, run_program  # noqa: E402
from galproject.site.database_url import url_of  # noqa: E402


@dataclass(frozen=True)
class Run:
    """A command that was run."""

    seconds: float
    peak_mb: float  # of its largest process


@contextmanager
def scratch_database(name):
    """A migrated database, with pictures of its own, that is dropped at the end; yields its URL."""
    connection.settings_dict["TEST"]["NAME"] = f"galproject_{name}_{os.getpid()}"
    original = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with pictures_apart():
            yield url_of(connection.settings_dict)
    finally:
        end_other_sessions()
        connection.creation.destroy_test_db(original, verbosity=0)


def end_other_sessions():
    """End sessions of processes that are gone, which a busy server may not have noticed yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user"
            " AND pid <> pg_backend_pid()"
        )


@contextmanager
def pictures_apart():
    """Keep pictures, also of commands, out of the folder of the survey's: ids are the same."""
    with (
        tempfile.TemporaryDirectory(prefix="galproject-pictures-") as folder,
        override_settings(GALPROJECT_PICTURES=folder),
        mock.patch.dict(os.environ, GALPROJECT_PICTURES=folder),
    ):
        yield


def manage(url, *arguments, check=True):
    """Run manage.py on the database at ``url``; its output goes to stderr.

    Exits where it failed, unless ``check`` is false: on real images some chips may.
    """
    started = time.monotonic()
    words = [sys.executable, PROJECT / "manage.py", *arguments]
    is_done, peak = run_program(words, {**os.environ, "DATABASE_URL": url}, sys.stderr)
    if check and not is_done:
        raise SystemExit(f"manage.py {arguments[0]} failed")
    return Run(time.monotonic() - started, peak)


def manage_here(_url, *arguments, check=True):
    """As ``manage``, in this process, which uses the database already.

    What a command of its own loads takes as long as a small chip, in it and in each worker.
    """
    started = time.monotonic()
    forget_peak()
    try:
        call_command(*map(str, arguments), stdout=sys.stderr)
    except (CommandError, SystemExit) as failure:
        if check:
            raise SystemExit(f"manage.py {arguments[0]} failed: {failure}") from failure
    return Run(time.monotonic() - started, peak_mb())
