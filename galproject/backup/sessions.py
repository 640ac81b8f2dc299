"""Database sessions apart from Django's, in other databases and without time limits."""

from contextlib import contextmanager

import psycopg2
from django.db import connection

from exposures.errors import GalprojectError
from exposures.management.command_errors import database_lost

MAINTENANCE = ("postgres", "template1")  # databases to be in while others are renamed
UNLIMITED = """
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0
"""
TABLES = """
SELECT format('%I', relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
ORDER BY 1
"""


@contextmanager
def explained_server_errors():
    """Turn the server's refusals into a GalprojectError."""
    try:
        yield
    except psycopg2.Error as error:
        raise database_lost(error) from error


def parameters_of(database=None) -> dict:
    """psycopg2's connection parameters of the survey's server; another ``database`` if named."""
    parameters = connection.get_connection_params()
    parameters = {k: v for k, v in parameters.items() if k not in ("cursor_factory", "context")}
    return parameters | ({"dbname": database} if database else {})


@contextmanager
def session(database=None):
    """A session without limits, outside of transactions; raises psycopg2.OperationalError."""
    opened = _opened(database)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def maintenance_cursor():
    """A cursor in the maintenance database. Raises GalprojectError."""
    opened = _opened_for_maintenance()
    try:
        with opened.cursor() as cursor:
            yield cursor
    finally:
        opened.close()


def _opened(database):
    opened = psycopg2.connect(**parameters_of(database))
    opened.autocommit = True
    with opened.cursor() as cursor:
        cursor.execute(UNLIMITED)
    return opened


def _opened_for_maintenance():
    for name in MAINTENANCE:
        try:
            return _opened(name)
        except psycopg2.OperationalError as error:
            problem = error
    raise GalprojectError(f"the server can't be used: {problem}".strip()) from problem


def tables_in(cursor) -> list[str]:
    """Quoted names of all tables with rows: partitions, but not their parents."""
    cursor.execute(TABLES)
    return [name for (name,) in cursor.fetchall()]


def quoted(name) -> str:
    """The quoted name of a database."""
    return '"' + name.replace('"', '""') + '"'


def one_value(cursor, sql, parameters=()):
    """The single value that a statement gives."""
    cursor.execute(sql, parameters)
    return cursor.fetchone()[0]
