"""Ids and positions in files: FITS, VOTable, CSV and plain text."""

import tempfile
import warnings
from pathlib import Path

from astropy.utils.exceptions import AstropyWarning

from exposures.errors import InputFileError
from exposures.published.files.fits_tables import open_fits
from exposures.published.files.votable_tables import open_votable
from variables.uploads.lines import HEADING, Columns, Entry, UploadError, check_number, checked
from variables.uploads.lines import entries_of as entries_of_text

LOOKED_AT = 4096  # bytes, in which a format is known
PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")


def entries_of(name: str, content: bytes) -> list[Entry]:
    """The ids and positions in a file. Raises UploadError, which names the file and the lines."""
    try:
        return _entries(content)
    except UploadError as error:
        raise UploadError(f"{name}: {error}") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UploadError(
            f"{name}: line {line} has letters that are not UTF-8. Save it as UTF-8"
        ) from error


def _entries(content):
    if content.startswith(PACKED):
        raise UploadError("it is packed: unpack it first")
    if content.startswith(b"SIMPLE"):
        return _of_table(content, ".fits", open_fits)
    if b"<VOTABLE" in content[:LOOKED_AT]:
        return _of_table(content, ".vot", open_votable)
    if b"\0" in content[:LOOKED_AT]:
        raise UploadError("it is neither FITS, VOTable, CSV nor plain text")
    return entries_of_text(content.decode("utf-8-sig"))


def _of_table(content, suffix, opener):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        path = Path(folder) / f"list{suffix}"
        path.write_bytes(content)
        try:
            with opener(path) as table:
                return _rows(table)
        except InputFileError as error:
            problem = str(error).replace(f"{path}", "the table")
            raise UploadError(problem) from error


def _rows(table):
    columns = Columns.named(table.names)
    if columns is None:
        raise UploadError(f"none of its columns {', '.join(table.names[:20])} is known: {HEADING}")
    check_number(table.n_rows or 0)
    places = (columns.refsource_id, columns.ra, columns.dec)
    wanted = [table.names[k] for k in places if k is not None]
    of_wanted = Columns.named(wanted)
    rows = [
        cells
        for part in table.parts(wanted)
        for cells in zip(*(column.to_pylist() for column in part.columns), strict=True)
    ]

    def entry(number, cells):
        texts = ["" if cell is None else str(cell) for cell in cells]
        return of_wanted.entry(number, " ".join(texts), texts)

    return checked(enumerate(rows, 1), entry)
