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
from variables.candidates.columns import COLUMNS
from variables.models import GalCandidate

CHUNK = 5000
MAX_ROWS = 1_000_000


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


def export(rows, name):
    """The pieces of a file of a queryset of candidates, in the format of this name.

    Raises ExportError for an unknown format.
    """
    if name not in FORMATS:
        raise ExportError(f"There is no format {name}: choose {', '.join(FORMATS)}")
    values = rows.values_list(*(column.name for column in COLUMNS))
    return {"csv": _csv, "votable": _votable, "parquet": _parquet}[name](values)


def _csv(values):
    """As it is read from the database, so that a list of any length begins at once."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow([column.key for column in COLUMNS])
    for n, row in enumerate(values.iterator(CHUNK), 1):
        writer.writerow(["" if value is None else value for value in row])
        if n % CHUNK == 0:
            yield _drain(line)
    yield _drain(line)


def _drain(buffer):
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _columns(values):
    """{key: list} of at most MAX_ROWS rows, with None for what is unknown."""
    rows = list(values[:MAX_ROWS])
    lists = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    return {column.key: list(of) for column, of in zip(COLUMNS, lists, strict=True)}


def _votable(values):
    table = Table(meta={"description": "Candidates for variable stars of galproject"})
    for column, (key, of) in zip(COLUMNS, _columns(values).items(), strict=True):
        dtype, filler = _numpy_type(column)
        missing = [value is None for value in of]
        data = np.array([filler if value is None else value for value in of], dtype)
        table[key] = MaskedColumn(
            data, mask=missing, unit=column.unit or None, description=column.meaning
        )
    out = io.BytesIO()
    from_table(table, "candidates").to_xml(out, tabledata_format="binary2")
    yield out.getvalue()


def _field(column):
    model, name = GalCandidate, column.name
    while "__" in name:
        relation, _, name = name.partition("__")
        model = model._meta.get_field(relation).related_model
    return model._meta.get_field(name)


def _numpy_type(column):
    """A numpy dtype for a column, and what stands there for a value that is unknown."""
    field = _field(column)
    if isinstance(field, models.FloatField):
        return "f8", np.nan
    if isinstance(field, models.BooleanField):
        return "?", False
    if isinstance(field, models.IntegerField):
        return ("i8" if isinstance(field, models.BigIntegerField) else "i4"), 0
    return "U32", ""


ARROW = {
    "f8": pa.float64(),
    "?": pa.bool_(),
    "i8": pa.int64(),
    "i4": pa.int32(),
    "U32": pa.string(),
}


def _parquet(values):
    fields = [
        pa.field(
            column.key,
            ARROW[_numpy_type(column)[0]],
            metadata={"unit": column.unit, "description": column.meaning},
        )
        for column in COLUMNS
    ]
    table = pa.table(_columns(values), schema=pa.schema(fields))
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    yield out.getvalue()
