"""A temporary database beside the survey's, for one run."""

import hashlib
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import ProgrammingError, connection

from exposures.errors import GalprojectError
from exposures.locks import Claimed, take
from exposures.other_database import connected_to

MOST_RUNS = 16  # at once beside one survey
MOST_BYTES = 45  # of a survey's name in those of its databases; PostgreSQL's have at most 63


@contextmanager
def temporary_database(folder: Path):
    """Use an empty database with our tables in the block; yields its name.

    It is made on the server of the survey's database, whose tables are neither read nor written,
    and dropped at the end, however that comes. Where a run was killed, the next drops what it
    left. Pictures go to ``folder``. Not inside a transaction.

    Raises GalprojectError if the role may not make databases.
    """
    survey = connection.settings_dict["NAME"]
    connection.ensure_connection()
    with _server(connection.get_connection_params()) as cursor:
        name = _free_name(cursor, survey)
        try:
            _make(cursor, name)
            with _pictures_in(folder), connected_to(name):
                _make_tables()
                yield name
        finally:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def _server(parameters):
    """A cursor of a separate session in the survey's database, without a transaction."""
    parameters = {k: v for k, v in parameters.items() if k not in ("cursor_factory", "context")}
    session = psycopg2.connect(**parameters)
    session.autocommit = True
    try:
        with session.cursor() as cursor:
            yield cursor
    finally:
        session.close()


def _free_name(cursor, survey):
    """The first numbered name not locked by another run; locked by this session."""
    for number in range(1, MOST_RUNS + 1):
        if take(Claimed.INJECTION, number, cursor):
            return f"{_short(survey)}_injection_{number}"
    raise GalprojectError(f"{MOST_RUNS} injections run beside {survey} at once. Wait for one")


def _short(survey):
    """A survey's name, shortened uniquely so that a suffix can follow."""
    name = survey.encode()
    if len(name) <= MOST_BYTES:
        return survey
    digest = hashlib.blake2b(name, digest_size=4).hexdigest()
    return f"{name[: MOST_BYTES - 9].decode(errors='ignore')}_{digest}"


def _make(cursor, name):
    try:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    except psycopg2.errors.InsufficientPrivilege as error:
        raise GalprojectError(
            "the role of DATABASE_URL may not make the database in which artificial stars are "
            "measured apart from the survey. A superuser has to allow it, once: "
            f"ALTER ROLE {cursor.connection.info.user} CREATEDB"
        ) from error
    except psycopg2.Error as error:  # a full disk, a database that others use as a template
        raise GalprojectError(f"{name} can't be made: {error}Mend that and try again") from error


def _make_tables():
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except (SystemCheckError, ProgrammingError) as error:
        raise GalprojectError(
            f"the database for artificial stars can't have our tables: {error}\nWhere it is q3c "
            "that it lacks, a superuser has to give it to all new databases, once: "
            'psql -d template1 -c "CREATE EXTENSION q3c"'
        ) from error


@contextmanager
def _pictures_in(folder):
    """Keep pictures in ``folder``, since ids of images differ from the survey's."""
    before, in_environment = settings.GALPROJECT_PICTURES, os.environ.get("GALPROJECT_PICTURES")
    settings.GALPROJECT_PICTURES = os.environ["GALPROJECT_PICTURES"] = str(folder)
    try:
        yield
    finally:
        settings.GALPROJECT_PICTURES = before
        if in_environment is None:
            del os.environ["GALPROJECT_PICTURES"]
        else:
            os.environ["GALPROJECT_PICTURES"] = in_environment


@contextmanager
def interrupted_by_sigterm():
    """Make SIGTERM end the block like Ctrl-C, so that it cleans up."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
