"""ECSV and FITS, with units and descriptions, made in memory by astropy."""

import io

import numpy as np
from astropy import units
from astropy.table import MaskedColumn, Table

from exposures.tables.columns import ColumnKind

# The type of each kind, and what stands in the file for a value that is unknown.
TYPES = {
    ColumnKind.BOOLEAN: (bool, False),
    ColumnKind.SHORT: ("i4", -1),
    ColumnKind.INTEGER: ("i8", -1),
    ColumnKind.SINGLE: ("f4", np.nan),
    ColumnKind.DOUBLE: ("f8", np.nan),
    ColumnKind.TEXT: (str, ""),
    ColumnKind.ASCII: (str, ""),
}
WITH_FILLER = {ColumnKind.SINGLE, ColumnKind.DOUBLE, ColumnKind.TEXT, ColumnKind.ASCII}


def ecsv_text(columns, rows, title="") -> str:
    """Rows as enhanced CSV, whose head has units and descriptions in YAML."""
    out = io.StringIO()
    _table(columns, rows, title).write(out, format="ascii.ecsv")
    return out.getvalue()


def fits_bytes(columns, rows, title="") -> bytes:
    """Rows as a binary table; unknown numbers are NaN, unknown texts empty."""
    table = _table(columns, rows, title)
    # What FITS has no card for goes into a comment, beside the column's name.
    table.meta["comments"] = [f"{c.name}: {_ascii(c.description)}" for c in columns]
    for column in table.itercols():
        column.description = None
    out = io.BytesIO()
    table.write(out, format="fits")
    return out.getvalue()


def _table(columns, rows, title):
    values = zip(*rows, strict=True) if rows else [[] for _ in columns]
    table = Table([_column(c, list(v)) for c, v in zip(columns, values, strict=True)])
    if title:
        table.meta["TITLE"] = title
    return table


def _column(column, values):
    kind, filler = TYPES[column.kind]
    is_unknown = [value is None for value in values]
    data = np.array([filler if value is None else value for value in values], kind)
    has_filler = column.kind in WITH_FILLER
    return MaskedColumn(
        data,
        name=column.name,
        unit=units.Unit(column.unit) if column.unit else None,
        description=column.description or None,
        mask=False if has_filler else is_unknown,
        fill_value=None if has_filler else filler,
    )


def _ascii(text):
    return text.encode("ascii", "replace").decode()
