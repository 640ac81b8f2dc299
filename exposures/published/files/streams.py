"""Files of text as streams of bytes, unfolded where they are gzipped."""

import gzip
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import InputFileError

GZIP = b"\x1f\x8b"


@contextmanager
def opened_text(path: Path):
    """A binary stream of a file's text. Raises InputFileError."""
    try:
        with open(path, "rb") as file:
            is_folded = file.peek(2)[:2] == GZIP
            if is_folded:
                with gzip.open(file) as stream:
                    yield stream
            else:
                yield file
    except (OSError, EOFError) as error:
        # Of gzip, an error of a broken file has no number.
        problem = getattr(error, "strerror", None) or str(error)
        raise InputFileError(path, problem, "Get it again") from error


def beginning_of(path: Path, n_bytes: int = 1 << 16) -> bytes:
    """The first bytes of a file, unfolded where it is gzipped."""
    with opened_text(path) as stream:
        return stream.read(n_bytes)
