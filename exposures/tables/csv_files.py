"""CSV, in which no cell is a formula to a spreadsheet and no digit is lost."""

import csv
import io
import json
import re
from datetime import datetime

from exposures.errors import GalprojectError

# Excel, LibreOffice and Google Sheets compute what begins so, also after spaces; the wide ones are
# those of East Asian keyboards.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def cell(value):
    """A value as a cell of CSV: nothing where it is unknown, with all its digits where it is known.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; negative
    numbers, also as text, stay what they are.
    """
    if value is None or value != value:  # NaN is not equal to itself
        return ""
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str)
    return value


def _harmless(text):
    is_formula = FORMULA.match(text) and not NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def csv_pieces(names, chunks):
    """The pieces of a CSV file with a heading, one for each of the ``chunks`` of rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for chunk in chunks:
        writer.writerows(map(cell, row) for row in chunk)
        yield drain(buffer)
    yield drain(buffer)


def drain(buffer):
    """What was written to a buffer, which is empty then."""
    written = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return written


def write_csv(rows, path, stdout):
    """Write rows as CSV to the file at ``path``, or to ``stdout`` where it is "-"."""
    if path == "-":
        _write(rows, stdout)
        return
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            _write(rows, file)
    except BrokenPipeError:
        raise  # /dev/stdout, of which nobody reads on
    except OSError as error:
        raise GalprojectError(f"{path} can't be written: {error.strerror}") from error


def _write(rows, file):
    csv.writer(file, lineterminator="\n").writerows(map(cell, row) for row in rows)
