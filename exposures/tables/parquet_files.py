"""Parquet, with one schema whatever rows there are."""

import io
import json

import pyarrow as pa
import pyarrow.parquet

from exposures.tables.columns import ColumnKind
from exposures.tables.csv_files import drain

ARROW = {
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.SHORT: pa.int32(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.SINGLE: pa.float32(),
    ColumnKind.DOUBLE: pa.float64(),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.ASCII: pa.string(),
    ColumnKind.TIME: pa.timestamp("us", "UTC"),
    ColumnKind.NUMBERS: pa.list_(pa.float64()),
    ColumnKind.JSON: pa.string(),
}


def parquet_pieces(columns, chunks, title=""):
    """The pieces of a Parquet file, a group of rows for each of the ``chunks``.

    Columns have their unit and description as metadata.
    """
    buffer, schema = io.BytesIO(), _schema(columns, title)
    with pyarrow.parquet.ParquetWriter(pa.PythonFile(buffer, "w"), schema) as writer:
        for chunk in chunks:
            writer.write_table(_table(columns, list(chunk), schema))
            yield drain(buffer)
    yield buffer.getvalue()


def _schema(columns, title):
    fields = [
        pa.field(c.name, ARROW[c.kind], metadata={"unit": c.unit, "description": c.description})
        for c in columns
    ]
    return pa.schema(fields, metadata={"title": title})


def _table(columns, rows, schema):
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    arrays = [
        pa.array(
            map(_as_json, values) if column.kind is ColumnKind.JSON else values, ARROW[column.kind]
        )
        for column, values in zip(columns, by_column, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _as_json(value):
    return None if value is None else json.dumps(value, default=str)
