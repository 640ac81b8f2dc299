"""The boundary at which whatever a library raises on a file becomes an InputFileError."""

import logging
import warnings
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import GalprojectError, InputFileError

FETCH_AGAIN = "Fetch it again; its size or checksum will differ from the archive's"

logger = logging.getLogger(__name__)


@contextmanager
def quiet():
    """Silence libraries' warnings on illegal cards and truncation, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def reading(path: Path, problem="can't be read", advice=FETCH_AGAIN, hdu=None):
    """Turn whatever a library raises in the block into an InputFileError about the file.

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
    """An error in one line, with its type if its text alone says little, as KeyError's."""
    text = " ".join(str(error).split())
    if isinstance(error, (OSError, ValueError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
