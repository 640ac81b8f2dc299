"""Transfer of structured arrays by PostgreSQL's binary COPY."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from django.db import connection

# The format: a header (signature, flags, length of an extension), then for each row the number
# of its columns and for each column its length and its bytes, big-endian; -1 ends.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
SENT_BYTES = 2**20  # at once


def copy_in(table, rows):
    """Append a structured array to a table; its fields are named and typed as the columns."""
    statement = f"COPY {table} ({', '.join(rows.dtype.names)}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(statement, BytesIO(_encode(rows)), SENT_BYTES)


def copy_out(query, dtype) -> np.ndarray:
    """The rows of a query as an array of ``dtype``; its columns are typed so, and never NULL."""
    buffer = BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", buffer)
    return _decode(buffer.getbuffer(), np.dtype(dtype))


@lru_cache
def _record_dtype(dtype):
    """The dtype of a row in COPY's binary format."""
    columns = [
        column
        for name in dtype.names
        for column in ((f"{name}_bytes", ">i4"), (name, dtype[name].newbyteorder(">")))
    ]
    return np.dtype([("n_columns", ">i2"), *columns])


def _encode(rows):
    record = _record_dtype(rows.dtype)
    stream = bytearray(len(HEADER) + len(rows) * record.itemsize + len(TRAILER))
    stream[: len(HEADER)], stream[-len(TRAILER) :] = HEADER, TRAILER
    records = np.frombuffer(stream, record, len(rows), len(HEADER))
    records["n_columns"] = len(rows.dtype)
    for name in rows.dtype.names:
        records[f"{name}_bytes"] = rows.dtype[name].itemsize
        records[name] = rows[name]
    return stream


def _decode(buffer, dtype):
    body = memoryview(buffer)[len(HEADER) : len(buffer) - len(TRAILER)]
    records = np.frombuffer(body, _record_dtype(dtype))
    rows = np.empty(len(records), dtype)
    for name in dtype.names:
        rows[name] = records[name]
    return rows
