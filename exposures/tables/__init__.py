"""Tables as files: CSV safe for spreadsheets, ECSV, FITS, Parquet, VOTable; of typed columns."""

from exposures.tables.columns import ColumnKind, TableColumn, batched
from exposures.tables.csv_files import csv_pieces, write_csv
from exposures.tables.formats import CSV, ECSV, FITS, PARQUET, VOTABLE, TableFormat
from exposures.tables.parquet_files import parquet_pieces
from exposures.tables.spreadsheet_text import plain
from exposures.tables.votable_files import votable_bytes, votable_message, votable_type

__all__ = [
    "CSV",
    "ECSV",
    "FITS",
    "PARQUET",
    "VOTABLE",
    "ColumnKind",
    "TableColumn",
    "TableFormat",
    "batched",
    "csv_pieces",
    "parquet_pieces",
    "plain",
    "votable_bytes",
    "votable_message",
    "votable_type",
    "write_csv",
]
