"""Plain files opened for reading, and nothing else: no pipe, device, socket or folder."""

import gzip
import os
import stat
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import InputFileError
from exposures.fits.boundary import FETCH_AGAIN

GZIP = b"\x1f\x8b"
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def open_plain(path: Path):
    """The bytes of a plain file, open for reading; raises InputFileError for anything else.

    What was opened is looked at, not what had the name before: a pipe would wait for a writer for
    ever, and a device may have no end.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        raise InputFileError(path, "there is no such file", "Check the path") from None
    except IsADirectoryError:
        raise _folder(path) from None
    except (OSError, ValueError) as error:  # the latter for a name that no file can have
        problem = f"can't be opened ({getattr(error, 'strerror', None) or error})"
        raise InputFileError(path, problem, "Check its permissions and disk") from error
    with file:
        kind = stat.S_IFMT(os.fstat(file.fileno()).st_mode)
        if kind != stat.S_IFREG:
            raise InputFileError(
                path, f"{KINDS.get(kind, 'no file')}, not a plain file", "Name the file itself"
            )
        yield file


@contextmanager
def unfolded(file):
    """A stream of what is in an open file: what is within gzip, where the file is gzipped."""
    start = file.read(len(GZIP))
    file.seek(0)
    if start == GZIP:
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            yield stream
    else:
        yield file


def check_is_fits(path: Path, file):
    """Raise InputFileError where an open file begins like nothing that holds FITS."""
    start = file.read(512)
    file.seek(0)
    if not start:
        raise InputFileError(path, "the file is empty", FETCH_AGAIN)
    if not start.startswith((b"SIMPLE  =", GZIP)):
        kind = "a web page, " if start.lstrip()[:1] == b"<" else ""
        raise InputFileError(
            path,
            f"{kind}not a FITS file",
            "Fetch the FITS file itself; an archive answers with a page where a link has expired",
        )


def _without_waiting(path, flags):
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _folder(path):
    return InputFileError(
        path, "this is a folder", f"Name the images in it, such as {path}/*_ooi_*.fits*"
    )
