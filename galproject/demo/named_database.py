"""A database of a given name on the survey's server."""

import re

import psycopg2
from django.db import connection

from exposures.errors import GalprojectError

LONGEST = 63  # of names in PostgreSQL


def create_database(name) -> bool:
    """Make an empty database unless it exists; returns whether it was made.

    Raises GalprojectError if the name is none, is the survey's, or the role may make none.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) or len(name) > LONGEST:
        raise GalprojectError(
            f"{name!r} is no name for a database: up to {LONGEST} lower-case letters, digits and _"
        )
    if name == connection.settings_dict["NAME"]:
        raise GalprojectError(f"{name} is the database of the survey itself: choose another name")
    connection.ensure_connection()
    parameters = connection.get_connection_params()
    session = psycopg2.connect(
        **{k: v for k, v in parameters.items() if k not in ("cursor_factory", "context")}
    )
    session.autocommit = True  # no database is made inside of a transaction
    try:
        with session.cursor() as cursor:
            return _create(cursor, name)
    finally:
        session.close()


def _create(cursor, name):
    try:
        cursor.execute(f'CREATE DATABASE "{name}"')
    except psycopg2.errors.DuplicateDatabase:
        return False
    except psycopg2.errors.InsufficientPrivilege as error:
        raise GalprojectError(
            f"{cursor.connection.info.user} may not make databases. A superuser has to allow it, "
            f"once: ALTER ROLE {cursor.connection.info.user} CREATEDB"
        ) from error
    except psycopg2.Error as error:
        raise GalprojectError(f"{name} can't be made: {error}") from error
    return True
