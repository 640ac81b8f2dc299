"""VOTable, with units and descriptions."""

import io

import numpy as np
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile

from exposures.tables.columns import ColumnKind

NO_NUMBER = -1  # where a whole number is unknown: all are counts, ids or bits
# The datatype of each kind, and what stands there for a value that is unknown.
DATATYPES = {
    ColumnKind.BOOLEAN: ("boolean", False),
    ColumnKind.SHORT: ("int", NO_NUMBER),
    ColumnKind.INTEGER: ("long", NO_NUMBER),
    ColumnKind.SINGLE: ("float", np.nan),
    ColumnKind.DOUBLE: ("double", np.nan),
    ColumnKind.TEXT: ("unicodeChar", ""),
}


def votable_bytes(columns, rows, title="", name="table") -> bytes:
    """A VOTable of rows, made in memory."""
    document, resource = VOTableFile(), Resource()
    document.resources.append(resource)
    table = TableElement(document, name=name)
    table.description = title
    resource.tables.append(table)
    table.fields.extend(_field(document, column) for column in columns)
    table.create_arrays(len(rows))
    for column, values in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
        filler = DATATYPES[column.kind][1]
        table.array.mask[column.name] = [value is None for value in values]
        table.array.data[column.name] = [filler if value is None else value for value in values]
    out = io.BytesIO()
    # BINARY2 takes three times as long, for a mask of its own beside the nulls.
    document.to_xml(out, tabledata_format="binary")
    return out.getvalue()


def _field(document, column):
    datatype, _ = DATATYPES[column.kind]
    size = "*" if column.kind is ColumnKind.TEXT else None
    field = Field(
        document, ID=column.name, name=column.name, datatype=datatype, arraysize=size,
        unit=column.unit or None,
    )  # fmt: skip
    field.description = column.description
    if datatype in ("int", "long"):
        field.values.null = NO_NUMBER
    return field
