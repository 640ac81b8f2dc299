"""The formats of tables beside JSON: CSV and Parquet, with the same columns."""

from rest_framework.renderers import BaseRenderer, JSONRenderer

from exposures.plain_values import finite
from exposures.tables import csv_pieces, parquet_pieces
from galproject.api.columns import columns_of, row_of


class TableRenderer(BaseRenderer):
    """A renderer of tables, whose columns are the serializer's whatever rows there are."""

    def render(self, data, accepted_media_type=None, renderer_context=None):
        rows = data.get("results", data) if isinstance(data, dict) else data
        serializer = rows.serializer
        is_list = hasattr(serializer, "child")
        columns = columns_of(serializer.child if is_list else serializer)
        chunk = [row_of(columns, row) for row in (rows if is_list else [rows])]
        return self.joined(self.pieces(columns, [chunk]))


class CSVRenderer(TableRenderer):
    """A renderer of CSV, with lists and nested values as JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"
    joined = staticmethod("".join)

    @staticmethod
    def pieces(columns, chunks):
        return csv_pieces([column.name for column in columns], chunks)


class ParquetRenderer(TableRenderer):
    """A renderer of Apache Parquet."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None
    render_style = "binary"
    joined = staticmethod(b"".join)

    @staticmethod
    def pieces(columns, chunks):
        return parquet_pieces(columns, chunks)


class FiniteJSONRenderer(JSONRenderer):
    """A renderer of JSON with null for NaN and infinity, which older versions stored."""

    def render(self, data, accepted_media_type=None, renderer_context=None):
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except ValueError:
            return super().render(finite(data), accepted_media_type, renderer_context)


TABLES = (FiniteJSONRenderer, CSVRenderer, ParquetRenderer)
