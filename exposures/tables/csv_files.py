"""CSV without formulas and without loss of digits."""

import csv
import io
import json
from datetime import datetime
from numbers import Number

from exposures.errors import GalprojectError
from exposures.tables.spreadsheet_text import harmless

PLAIN_NUMBERS = (float, int, bool)  # known at once, while other kinds of numbers are looked up


def csv_cell(value):
    """A value as a cell of CSV with all its digits; empty if unknown.

    Text that a spreadsheet would take for a formula gets an apostrophe before it; negative
    numbers, also as text, stay what they are. Lists and what is nested are JSON.
    """
    if value is None or value != value:  # NaN is not equal to itself
        return ""
    if type(value) in PLAIN_NUMBERS or isinstance(value, Number):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        # A semicolon or a bar within its texts ends no cell, and is the same to readers of JSON.
        text = json.dumps(value, default=str)
        return text.replace(";", "\\u003b").replace("|", "\\u007c")
    return harmless(str(value))


def csv_pieces(names, chunks):
    """The pieces of a CSV file with a heading, one for each of the ``chunks`` of rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for chunk in chunks:
        writer.writerows(map(csv_cell, row) for row in chunk)
        yield drain(buffer)
    yield drain(buffer)


def drain(buffer):
    """Return and clear the contents of a buffer."""
    written = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return written


def write_csv(rows, path, stdout):
    """Write rows as CSV to the file at ``path``, or to ``stdout`` if it is "-"."""
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
    csv.writer(file, lineterminator="\n").writerows(map(csv_cell, row) for row in rows)
