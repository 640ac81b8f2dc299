"""System checks: a database with q3c and room for locks, valid options, known variables."""

import os

from django.core.checks import Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from exposures.errors import GalprojectError
from exposures.management.base import SURVEY
from galproject.configuration.environment import unknown_variables
from galproject.configuration.loading import load_options
from galproject.site.absent_database.base import NoDatabaseError
from photometry.storage.lock_table import lock_table

Q3C_STATE = """
SELECT current_user,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       EXISTS (SELECT FROM pg_extension WHERE extname = 'q3c'),
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'q3c')
"""


@register(Tags.database)
def database_has_q3c(databases, **_):
    """Errors for databases that are down, or that lack q3c and can't get it."""
    return [error for alias in databases or () for error in _errors(connections[alias])]


@register(Tags.database)
def locks_have_room(databases, **_):
    """A warning where statements about all partitions may run out of locks."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        table = lock_table()
    except (NoDatabaseError, OperationalError):  # which the check for q3c tells
        return []
    if not table.shortage:
        return []
    return [Warning(f"{table.shortage}.", hint=f"{table.advice}.", id="galproject.W003")]


@register(SURVEY)
def options_are_valid(**_):
    """Warnings about invalid options, which only some commands need."""
    try:
        load_options()
    except GalprojectError as error:
        return [Warning(str(error), id="galproject.W001")]
    return []


@register(SURVEY)
def variables_are_known(**_):
    """Warnings about unknown environment variables, probably misspelt."""
    return [Warning(line, id="galproject.W002") for line in unknown_variables(os.environ)]


def _errors(connection):
    try:
        with connection.cursor() as cursor:
            cursor.execute(Q3C_STATE)
            return q3c_errors(connection.settings_dict["NAME"], *cursor.fetchone())
    except NoDatabaseError as error:
        return [Error(str(error), id="galproject.E001")]
    except OperationalError as error:
        hint = "Start it (the project's own: scripts/database start), or mend DATABASE_URL."
        return [Error(f"No connection to the database: {error}", hint=hint, id="galproject.E001")]


def q3c_errors(database, role, is_superuser, is_made, is_installed):
    """Errors that explain why a database lacks q3c."""
    if is_made or (is_installed and is_superuser):
        return []
    if not is_installed:
        problem = f"The server of database {database} has no q3c extension."
        hint = "Install it there; on Debian or Ubuntu the package is postgresql-NN-q3c."
        return [Error(problem, hint=hint, id="galproject.E002")]
    problem = f"Role {role} may not create the q3c extension in database {database}."
    hint = f'A superuser has to, once: psql -d {database} -c "CREATE EXTENSION q3c"'
    return [Error(problem, hint=hint, id="galproject.E003")]
