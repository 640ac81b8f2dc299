"""The formats of tables beside JSON, with the same columns."""

from rest_framework.renderers import BaseRenderer, JSONRenderer

from exposures.plain_values import finite
from exposures.tables import CSV, ECSV, FITS, PARQUET, VOTABLE, TableFormat
from galproject.api.columns import columns_of, row_of


class TableRenderer(BaseRenderer):
    """A renderer of tables, whose columns are the serializer's whatever rows there are."""

    table: TableFormat

    def render(self, data, accepted_media_type=None, renderer_context=None):
        rows = data.get("results", data) if isinstance(data, dict) else data
        serializer = rows.serializer
        is_list = hasattr(serializer, "child")
        columns = columns_of(serializer.child if is_list else serializer)
        chunk = [row_of(columns, row) for row in (rows if is_list else [rows])]
        return self.table.joined(self.table.pieces(columns, [chunk]))


class CSVRenderer(TableRenderer):
    """A renderer of CSV, with lists and nested values as JSON."""

    table = CSV
    format, media_type, charset = CSV.suffix, CSV.media_type, CSV.charset


class ParquetRenderer(TableRenderer):
    """A renderer of Apache Parquet."""

    table = PARQUET
    format, media_type, charset = PARQUET.suffix, PARQUET.media_type, PARQUET.charset
    render_style = "binary"


class ECSVRenderer(TableRenderer):
    """A renderer of enhanced CSV, with units and descriptions."""

    table = ECSV
    format, media_type, charset = ECSV.suffix, ECSV.media_type, ECSV.charset


class FITSRenderer(TableRenderer):
    """A renderer of a FITS binary table."""

    table = FITS
    format, media_type, charset = FITS.suffix, FITS.media_type, FITS.charset
    render_style = "binary"


class VOTableRenderer(TableRenderer):
    """A renderer of VOTable."""

    table = VOTABLE
    format, media_type, charset = "votable", VOTABLE.media_type, VOTABLE.charset
    render_style = "binary"


class FiniteJSONRenderer(JSONRenderer):
    """A renderer of JSON with null for NaN and infinity, which older versions stored."""

    def render(self, data, accepted_media_type=None, renderer_context=None):
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except ValueError:
            return super().render(finite(data), accepted_media_type, renderer_context)


TABLES = (FiniteJSONRenderer, CSVRenderer, ParquetRenderer)
# Of tables that fit into memory, such as the light curve of a star.
BOUNDED_TABLES = (*TABLES, ECSVRenderer, FITSRenderer, VOTableRenderer)
