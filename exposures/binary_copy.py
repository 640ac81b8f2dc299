"""Transfer of structured arrays by PostgreSQL's binary COPY."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from django.db import connection
from numpy.typing import DTypeLike

# The format: a header (signature, flags, length of an extension), then for each row the number
# of its columns and for each column its length and its bytes, big-endian; -1 ends.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
SENT_BYTES = 2**20  # at once


def names_of(dtype: np.dtype) -> tuple[str, ...]:
    """The columns of a structured dtype, in order; none of one that isn't structured."""
    return dtype.names or ()


def copy_in(table: str, rows: np.ndarray) -> None:
    """Append a structured array to a table; its fields are named and typed as the columns."""
    statement = f"COPY {table} ({', '.join(names_of(rows.dtype))}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(statement, BytesIO(_encode(rows)), SENT_BYTES)


def copy_out(query: str, dtype: DTypeLike) -> np.ndarray:
    """The rows of a query as an array of ``dtype``; its columns are typed so, and never NULL."""
    records = copy_out_records(query, dtype)
    rows = np.empty(len(records), dtype)
    for name in names_of(rows.dtype):
        rows[name] = records[name]
    return rows


def copy_out_records(query: str, dtype: DTypeLike) -> np.ndarray:
    """As ``copy_out``, in the bytes that the server sent: big-endian, with lengths between."""
    buffer = BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", buffer)
    body = buffer.getbuffer()[len(HEADER) : -len(TRAILER)]
    return np.frombuffer(body, _record_dtype(np.dtype(dtype)))


@lru_cache
def _record_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a row in COPY's binary format."""
    columns = [
        column
        for name in names_of(dtype)
        for column in ((f"{name}_bytes", ">i4"), (name, dtype[name].newbyteorder(">")))
    ]
    return np.dtype([("n_columns", ">i2"), *columns])


def _encode(rows: np.ndarray) -> bytearray:
    record = _record_dtype(rows.dtype)
    stream = bytearray(len(HEADER) + len(rows) * record.itemsize + len(TRAILER))
    stream[: len(HEADER)], stream[-len(TRAILER) :] = HEADER, TRAILER
    records = np.frombuffer(stream, record, len(rows), len(HEADER))
    names = names_of(rows.dtype)
    records["n_columns"] = len(names)
    for name in names:
        records[f"{name}_bytes"] = rows.dtype[name].itemsize
        records[name] = rows[name]
    return stream
