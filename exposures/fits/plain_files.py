"""Opening of plain files only: no pipe, device, socket or folder."""

import gzip
import os
import stat
from contextlib import contextmanager
from pathlib import Path

from exposures.errors import InputFileError
from exposures.fits.boundary import FETCH_AGAIN

GZIP = b"\x1f\x8b"
LOOKED_AT = 2048  # bytes at the start of a file
PACKED = "archive"
MAGIC = (  # what a file begins with, what it is, and astropy's name of it where it is a table
    (b"PAR1", "a Parquet table", "parquet"),
    (b"\x89HDF", "an HDF5 file", "hdf5"),
    (b"PK\x03\x04", "a zip archive", ""),
    (b"BZh", "a bzip2 archive", ""),
    (b"\xfd7zXZ", "an xz archive", ""),
    (b"\x89PNG", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"%PDF", "a PDF document", ""),
)
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def open_plain(path: Path):
    """Open a plain file for reading; raises InputFileError for anything else.

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
    """The contents of an open file, decompressed if it is gzipped."""
    start = file.read(len(GZIP))
    file.seek(0)
    if start == GZIP:
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            yield stream
    else:
        yield file


def check_is_fits(path: Path, stream, is_table=False):
    """Raise InputFileError if an ``unfolded`` stream doesn't begin as FITS.

    Where a table is wanted, the error says how to convert one of another format.
    """
    start = stream.read(LOOKED_AT)
    stream.seek(0)
    if not start:
        raise InputFileError(path, "the file is empty", FETCH_AGAIN)
    if start.startswith(b"SIMPLE  ="):
        return
    kind, table_format = _kind(start)
    advice = "Fetch the FITS file itself; an archive answers with a page where a link has expired"
    if kind.endswith(PACKED):
        advice = "Unpack it first"
    elif is_table and table_format:
        advice = conversion(path, table_format)
    raise InputFileError(path, f"{kind}, not a FITS file" if kind else "not a FITS file", advice)


def _kind(start):
    """The kind of a file by its first bytes, and astropy's name of a table's format or "".

    A table in text may be of any format: it is told from other text by its lines.
    """
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"<VOTABLE" in start:
        return "a VOTable", "votable"
    if text.startswith(b"<"):
        return "a web page", ""
    for magic, kind, table_format in MAGIC:
        if start.startswith(magic):
            return kind, table_format
    lines = text.decode("utf-8", "ignore").splitlines()
    if len(lines) < 2 or not all(line.replace("\t", "").isprintable() for line in lines):
        return "", ""
    if "," in lines[0]:
        return "text with commas (CSV)", "ascii.csv"
    return "plain text", "ascii"


def conversion(path: Path, table_format: str) -> str:
    """A line of Python that converts a table from a format that astropy reads."""
    path = Path(path)
    target = (path.with_suffix("") if path.suffix == ".gz" else path).with_suffix(".fits")
    if target == path:
        target = path.with_suffix(".table.fits")
    # Texts of any length, which FITS tables haven't.
    numbers = "t[[c for c in t.colnames if t[c].dtype != object]]"
    return (
        "Catalogues are FITS tables; convert it in Python: from astropy.table import Table; "
        f't = Table.read("{path}", format="{table_format}"); {numbers}.write("{target}")'
    )


def _without_waiting(path, flags):
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _folder(path):
    return InputFileError(
        path, "this is a folder", f"Name the images in it, such as {path}/*_ooi_*.fits*"
    )
