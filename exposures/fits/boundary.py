"""The one place where whatever a library raises on a file becomes that file's error."""

import logging
import warnings
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import GalprojectError, InputFileError

FETCH_AGAIN = "Fetch it again; its size or checksum will differ from the archive's"

logger = logging.getLogger(__name__)


@contextmanager
def quiet():
    """Keep libraries' remarks on illegal cards and truncation from the user; we check ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def reading(path: Path, problem="can't be read", advice=FETCH_AGAIN, hdu=None):
    """Read a file while the block runs; whatever goes wrong with it is an InputFileError.

    Elsewhere only those errors are caught that can be named. Here nobody can name them: readers of
    FITS, of tables and of pictures index headers, divide, allocate and recurse by what a file says,
    and so raise any of Python's errors on some damaged file. A file that can't be read must not
    stop the others, whatever its damage. For whoever looks for a mistake in the code instead, the
    traceback is in the log at the level DEBUG. What already says what is wrong stays as it is.
    """
    try:
        with quiet():
            yield
    except GalprojectError:
        raise
    except MemoryError as error:
        advice = "Use a machine that has more, or leave it"
        raise InputFileError(path, "it takes more memory than there is", advice, hdu) from error
    except Exception as error:
        logger.debug("%s: %s", path, problem, exc_info=True)
        raise InputFileError(path, f"{problem} ({in_words(error)})", advice, hdu) from error


def in_words(error: Exception) -> str:
    """An error in one line, with its kind where its text alone says little, as of KeyError."""
    text = " ".join(str(error).split())
    if isinstance(error, (OSError, ValueError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
