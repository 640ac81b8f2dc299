"""What a user of a command can cause or mend, told in one line."""

from contextlib import contextmanager

from django.core.management import CommandError
from django.db import DatabaseError

from exposures.errors import GalprojectError
from galproject.processing import database_lost

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it


@contextmanager
def plain_errors():
    """Turn what the user can mend, and Ctrl-C, into a CommandError."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(str(database_lost(error))) from error
    except GalprojectError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt as interrupt:
        message = "Interrupted. The same command goes on where it stopped; what is done is kept"
        raise CommandError(message, returncode=INTERRUPTED) from interrupt
