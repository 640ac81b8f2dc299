"""Tables in text with headings: CSV, ECSV and the TSV of VizieR, gzipped or not."""

import csv
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.csv
from astropy.table.meta import get_header_from_yaml
from yaml import YAMLError

from exposures.errors import InputFileError
from exposures.published.files.opened import OpenTable, Place
from exposures.published.files.streams import opened_text

BLOCK_BYTES = 1 << 24  # read at once: some 100,000 rows
NULLS = ["", "null", "NULL", "nan", "NaN", "--", "N/A", "\\N", "None"]
DELIMITERS = ",\t;|"
ECSV = "%ECSV"
MOST_HEADING = 10_000  # lines


@dataclass(frozen=True)
class Heading:
    """What stands before the rows of a table."""

    names: list[str]
    units: dict[str, str]
    delimiter: str
    n_lines: int


@contextmanager
def open_text(path):
    """An OpenTable of text with headings, all of whose columns are texts."""
    heading, place = _heading(path), Place()

    def parts(names):
        with opened_text(path) as place.stream:
            yield from _rows(path, place.stream, heading, names)
        place.stream = None

    yield OpenTable(path, tuple(heading.names), parts, heading.units, place=place)


def _rows(path, stream, heading, names):
    texts = dict.fromkeys(names, pa.string())
    try:
        batches = pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(
                block_size=BLOCK_BYTES, skip_rows=heading.n_lines, column_names=heading.names
            ),
            pyarrow.csv.ParseOptions(delimiter=heading.delimiter),
            pyarrow.csv.ConvertOptions(
                column_types=texts,
                include_columns=names,
                null_values=NULLS,
                strings_can_be_null=True,
            ),
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise InputFileError(path, f"not readable as CSV: {error}", "Get it again") from error


def _heading(path) -> Heading:
    """The heading of a file: comments, YAML of ECSV, names, and VizieR's units and dashes."""
    with opened_text(path) as stream:
        lines = [line.rstrip("\r\n") for line in islice(_decoded(stream), MOST_HEADING)]
    n_comments = next((n for n, line in enumerate(lines) if line and line[0] != "#"), None)
    if n_comments is None:
        raise InputFileError(path, "it has no headings", "Name a table with names of columns")
    comments = [line[2:] for line in lines[:n_comments] if line.startswith("# ")]
    units, delimiter = {}, None
    if comments and ECSV in comments[0]:
        units, delimiter = _ecsv(path, comments)
    delimiter = delimiter or max(DELIMITERS, key=lines[n_comments].count)
    names = next(csv.reader([lines[n_comments]], delimiter=delimiter))
    names = [name.strip() for name in names]
    following = lines[n_comments + 1 : n_comments + 3]
    if len(following) == 2 and set(following[1]) <= {"-", delimiter} and "--" in following[1]:
        written = next(csv.reader([following[0]], delimiter=delimiter))
        return Heading(names, dict(zip(names, written, strict=False)), delimiter, n_comments + 3)
    return Heading(names, units, delimiter, n_comments + 1)


def _decoded(stream):
    """Lines of a binary stream as text."""
    for line in stream:
        yield line.decode("utf-8", "replace")


def _ecsv(path, comments):
    """Units of columns, and the delimiter, from the heading of an ECSV file."""
    try:
        header = get_header_from_yaml(comments[2:])
    except (YAMLError, ValueError) as error:
        raise InputFileError(path, f"its ECSV header is broken: {error}", "Get it again") from error
    units = {column["name"]: str(column.get("unit", "")) for column in header["datatype"]}
    return units, header.get("delimiter", " ")
