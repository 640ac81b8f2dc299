"""Lists of candidates as files: CSV, VOTable and Parquet, with units and meanings."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, Table
from django.db import models

from exposures.errors import GalprojectError
from variables.candidates.columns import COLUMNS as OWN_COLUMNS
from variables.candidates.columns import OBJECT_COLUMNS
from variables.candidates.objects import object_columns
from variables.models import GalCandidate

COLUMNS = (*OWN_COLUMNS, *OBJECT_COLUMNS)
CHUNK = 10_000
MAX_VOTABLE_ROWS = 500_000  # which are made in memory
TITLE = "Candidates for variable stars of galproject"
NO_NUMBER = -1  # where a whole number is unknown: all are counts, ids or bits
# What others said is left out until one has voted oneself.
OPINIONS = ("consensus__slug", "n_votes", "is_disputed")
OPINION_PLACES = [place for place, c in enumerate(COLUMNS) if c.name in OPINIONS]


class ExportError(GalprojectError):
    """A list that can't be exported."""


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    name: str
    suffix: str
    content_type: str


FORMATS = {
    "csv": Format("CSV", "csv", "text/csv; charset=utf-8"),
    "votable": Format("VOTable", "vot", "application/x-votable+xml"),
    "parquet": Format("Parquet", "parquet", "application/vnd.apache.parquet"),
}


def export(rows, name, user):
    """The pieces of a file of a queryset of candidates, in the format of this name.

    It holds what ``user`` may see. Raises ExportError for an unknown format, and where there are
    more rows than it can hold.
    """
    if name not in FORMATS:
        raise ExportError(f"There is no format {name}: choose {', '.join(FORMATS)}")
    if name == "votable" and rows.order_by()[MAX_VOTABLE_ROWS : MAX_VOTABLE_ROWS + 1].exists():
        raise ExportError(
            f"A VOTable holds at most {MAX_VOTABLE_ROWS:,} candidates: choose Parquet or CSV"
        )
    chunks = _chunks(rows.with_visible_class(user))
    return {"csv": _csv, "votable": _votable, "parquet": _parquet}[name](chunks)


def _chunks(rows):
    """Lists of rows, CHUNK at a time as they are read from the database, in order of COLUMNS.

    The last columns, of the object that a source is of, are added to each list.
    """
    for chunk in _read(rows):
        objects = object_columns([row[0] for row in chunk])
        yield [[*row, *objects[row[0]]] for row in chunk]


def _read(rows):
    chunk = []
    names = [column.name for column in COLUMNS[: -len(OBJECT_COLUMNS)]]
    for *row, shows_class in rows.values_list(*names, "shows_class").iterator(CHUNK):
        if not shows_class:
            for place in OPINION_PLACES:
                row[place] = None
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _csv(chunks):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.key for column in COLUMNS])
    for chunk in chunks:
        writer.writerows(chunk)  # None is written as nothing
        yield _drain(text)


def _drain(buffer):
    """What was written to a buffer, which is empty then."""
    written = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return written


def _by_column(rows):
    """{key: tuple of values}, with None for what is unknown."""
    values = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return {column.key: of for column, of in zip(COLUMNS, values, strict=True)}


def _votable(chunks):
    table = Table(meta={"description": TITLE})
    values = _by_column([row for chunk in chunks for row in chunk])
    for column in COLUMNS:
        dtype, filler = _numpy_type(column)
        of = values[column.key]
        table[column.key] = MaskedColumn(
            np.array([filler if value is None else value for value in of], dtype),
            mask=[value is None and dtype != "?" for value in of],  # VOTable's bits have no null
            unit=column.unit or None,
            description=column.meaning,
        )
    document = from_table(table, "candidates")
    for field in document.get_first_table().fields:
        if field.datatype in ("int", "long"):
            field.values.null = NO_NUMBER
    out = io.BytesIO()
    # BINARY2 takes three times as long, for a mask of its own beside the nulls.
    document.to_xml(out, tabledata_format="binary")
    yield out.getvalue()


def _field(column):
    model, name = GalCandidate, column.name
    while "__" in name:
        relation, _, name = name.partition("__")
        model = model._meta.get_field(relation).related_model
    return model._meta.get_field(name)


def _numpy_type(column):
    """A numpy dtype for a column, and what stands there for a value that is unknown."""
    if column in OBJECT_COLUMNS:
        return ("i8", NO_NUMBER) if column.name == "object_id" else ("U80", "")
    field = _field(column)
    if isinstance(field, models.FloatField):
        return "f8", np.nan
    if isinstance(field, models.BooleanField):
        return "?", False
    if isinstance(field, models.IntegerField):
        return ("i8" if isinstance(field, models.BigIntegerField) else "i4"), NO_NUMBER
    return "U32", ""


ARROW = {
    "f8": pa.float64(),
    "?": pa.bool_(),
    "i8": pa.int64(),
    "i4": pa.int32(),
    "U32": pa.string(),
    "U80": pa.string(),
}


def _arrow_schema():
    fields = [
        pa.field(
            column.key,
            ARROW[_numpy_type(column)[0]],
            metadata={"unit": column.unit, "description": column.meaning},
        )
        for column in COLUMNS
    ]
    return pa.schema(fields, metadata={"title": TITLE})


def _parquet(chunks):
    """A group of rows a chunk."""
    out, schema = io.BytesIO(), _arrow_schema()
    with pyarrow.parquet.ParquetWriter(pa.PythonFile(out, "w"), schema) as writer:
        for chunk in chunks:
            writer.write_table(pa.table(_by_column(chunk), schema=schema))
            yield _drain(out)
    yield out.getvalue()
