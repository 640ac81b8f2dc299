"""Files of text as streams of bytes, unfolded where they are gzipped."""

import gzip
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import GalprojectError, InputFileError

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


@contextmanager
def unfolded_file(path: Path):
    """A file, or where it is gzipped a temporary one of its contents, of which parts can be read.

    Raises InputFileError, which names the file itself.
    """
    with open(path, "rb") as file:
        is_folded = file.read(2) == GZIP
    if not is_folded:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="galproject-") as folder:
        unfolded = Path(folder) / path.name.removesuffix(".gz")
        with opened_text(path) as stream, open(unfolded, "wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
        try:
            yield unfolded
        except InputFileError as error:
            raise GalprojectError(str(error).replace(str(unfolded), str(path))) from error
