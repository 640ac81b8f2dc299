"""Errors that a command's user can mend, told in one line."""

from contextlib import contextmanager

from django.core.management import CommandError
from django.db import DatabaseError, ProgrammingError

from exposures.errors import GalprojectError

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


@contextmanager
def plain_errors():
    """Turn errors that the user can mend, and Ctrl-C, into a CommandError."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(str(database_lost(error))) from error
    except GalprojectError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt as interrupt:
        message = "Interrupted. The same command goes on where it stopped; what is done is kept"
        raise CommandError(message, returncode=INTERRUPTED) from interrupt


def database_lost(error):
    """The message about a database that doesn't answer or lacks tables."""
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
    cure = "Start it (scripts/database start) or set DATABASE_URL"
    if isinstance(error, ProgrammingError):
        cure = "Bring its tables up to date (manage.py migrate)"
    return GalprojectError(
        f"the database can't be used: {first_line}. {cure}, then run the same command again; "
        "what is done is kept"
    )
