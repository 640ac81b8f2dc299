"""The formats of tables as files: how each is called, and what writes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exposures.tables.astropy_files import ecsv_text, fits_bytes
from exposures.tables.csv_files import csv_pieces
from exposures.tables.parquet_files import parquet_pieces
from exposures.tables.votable_files import votable_bytes


@dataclass(frozen=True)
class TableFormat:
    """A format of tables; ``pieces`` makes a file of columns, chunks of rows, a title and a name.

    CSV has neither title nor name, Parquet no name.
    """

    name: str
    suffix: str
    media_type: str
    charset: str | None  # None if it isn't text
    pieces: Callable[..., Iterator]

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset={self.charset}" if self.charset else self.media_type

    def joined(self, pieces):
        """Pieces of a file as one."""
        return ("" if self.charset else b"").join(pieces)


def _csv(columns, chunks, *_):
    return csv_pieces([column.name for column in columns], chunks)


def _votable(columns, chunks, *title_and_name):
    yield votable_bytes(columns, [row for chunk in chunks for row in chunk], *title_and_name)


def _ecsv(columns, chunks, title="", *_):
    yield ecsv_text(columns, [row for chunk in chunks for row in chunk], title)


def _fits(columns, chunks, title="", *_):
    yield fits_bytes(columns, [row for chunk in chunks for row in chunk], title)


def _parquet(columns, chunks, title="", *_):
    return parquet_pieces(columns, chunks, title)


CSV = TableFormat("CSV", "csv", "text/csv", "utf-8", _csv)
VOTABLE = TableFormat("VOTable", "vot", "application/x-votable+xml", None, _votable)
PARQUET = TableFormat("Parquet", "parquet", "application/vnd.apache.parquet", None, _parquet)
# Made in memory: for tables whose size is bounded.
ECSV = TableFormat("ECSV", "ecsv", "text/x-ecsv", "utf-8", _ecsv)
FITS = TableFormat("FITS", "fits", "application/fits", None, _fits)
