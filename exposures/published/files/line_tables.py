"""Tables in text without headings: by a pattern, or by a ReadMe of the CDS beside the file."""

import re
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from astropy.io.ascii import Cds, InconsistentTableError

from exposures.errors import InputFileError
from exposures.published.files.opened import OpenTable, Place
from exposures.published.files.streams import beginning_of, opened_text
from exposures.published.files.text_tables import BLOCK_BYTES

NEVER = "\x01"  # stands in no text, so that a line is one column
README = ("ReadMe", "README", "readme", "ReadMe.txt")


def pattern_of(path, patterns):
    """The first of some patterns that the file's first line of data matches; None without."""
    lines = beginning_of(path).decode("latin1").splitlines()
    first = [line for line in lines if line.strip() and line[0] != "#"][:3]
    return next((p for p in patterns if any(re.match(p, line) for line in first)), None)


@contextmanager
def open_lines(path, pattern):
    """An OpenTable of text in which a pattern with named groups finds the columns.

    A line that it doesn't match gives a row of nulls.
    """
    names, place = tuple(re.compile(pattern).groupindex), Place()

    def parts(wanted):
        for lines in _lines(path, place):
            found = pc.extract_regex(lines, pattern)
            yield pa.table({name: _trimmed(pc.struct_field(found, name)) for name in wanted})

    yield OpenTable(path, names, parts, pattern=pattern, place=place)


def readme_of(path):
    """The ReadMe of the CDS that describes a file, beside it; None without."""
    for name in README:
        readme = path.with_name(name)
        if readme.is_file() and _columns(path, readme):
            return readme
    return None


@contextmanager
def open_cds(path, readme):
    """An OpenTable of a file whose columns a ReadMe of the CDS describes byte by byte."""
    columns, place = {column.name: column for column in _columns(path, readme)}, Place()

    def parts(wanted):
        for lines in _lines(path, place):
            yield pa.table({name: _cut(lines, columns[name]) for name in wanted})

    units = {name: str(column.unit or "") for name, column in columns.items()}
    yield OpenTable(path, tuple(columns), parts, units, place=place)


def _cut(lines, column):
    """The texts of a column; null where they are blank or what the ReadMe has for none."""
    texts = _trimmed(pc.utf8_slice_codeunits(lines, column.start, column.end))
    null = getattr(column, "null", None)
    return pc.if_else(pc.equal(texts, null), pa.scalar(None, pa.string()), texts) if null else texts


def _columns(path, readme):
    """The columns of a file by its ReadMe, as astropy reads it; [] if it is about others."""
    reader = Cds(readme=str(readme))
    reader.data.table_name = path.name
    try:
        reader.header.get_cols([])
    except (InconsistentTableError, ValueError):
        return []
    return reader.header.cols


def _lines(path, place):
    """The lines of a file, but comments, as Arrow arrays of texts."""
    with opened_text(path) as place.stream:
        try:
            batches = pyarrow.csv.open_csv(
                place.stream,
                pyarrow.csv.ReadOptions(
                    block_size=BLOCK_BYTES, column_names=["line"], encoding="latin1"
                ),
                pyarrow.csv.ParseOptions(delimiter=NEVER, quote_char=False),
                pyarrow.csv.ConvertOptions(column_types={"line": pa.string()}),
            )
            for batch in batches:
                lines = batch.column(0)
                yield lines.filter(pc.invert(pc.starts_with(lines, "#")))
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                problem = f"not readable as lines of text: {error}"
                raise InputFileError(path, problem, "Get it again") from error


def _trimmed(texts):
    """Texts without blanks round them; null where nothing is left."""
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
