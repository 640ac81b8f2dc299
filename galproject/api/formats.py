"""The formats of lists beside JSON: CSV and Parquet, with the same columns."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet
from rest_framework.renderers import BaseRenderer, JSONRenderer


def _rows(data):
    """The rows of a list, or of a page of one; an error is a row of its own."""
    if isinstance(data, dict):
        return data.get("results", [data])
    return data or []


class CSVRenderer(BaseRenderer):
    """A line a row; lists within a row are joined by spaces."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        rows = _rows(data)
        out = io.StringIO()
        if rows:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows({k: _text(v) for k, v in row.items()} for row in rows)
        return out.getvalue()


def _text(value):
    return " ".join(map(str, value)) if isinstance(value, list) else value


class ParquetRenderer(BaseRenderer):
    """A table of Apache Parquet."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        out = io.BytesIO()
        pyarrow.parquet.write_table(pa.Table.from_pylist(list(map(dict, _rows(data)))), out)
        return out.getvalue()


TABLES = (JSONRenderer, CSVRenderer, ParquetRenderer)
