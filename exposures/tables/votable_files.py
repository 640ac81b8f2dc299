"""VOTable, with units, descriptions, what each column is and its frame of place or time."""

import io

import numpy as np
from astropy.io.votable.tree import (
    CooSys,
    Field,
    Info,
    Resource,
    TableElement,
    TimeSys,
    VOTableFile,
)

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
    ColumnKind.ASCII: ("char", ""),
}
VERSION = "1.4"
WITH_TIMES = "1.4"  # from this version on, frames of times can be told
# What frames of times are; those of places are ICRS.
TIMES = {
    "utc_mjd": {"timeorigin": "MJD-origin", "timescale": "UTC", "refposition": "TOPOCENTER"},
    "tdb_barycentre": {"timeorigin": "JD-origin", "timescale": "TDB", "refposition": "BARYCENTER"},
}
SYSTEMS = ("icrs", *TIMES)


def votable_bytes(columns, rows, title="", name="table", infos=(), version=VERSION) -> bytes:
    """A VOTable of rows, made in memory; ``infos`` are (name, value) of what is said of it all."""
    document, resource = VOTableFile(version=version), Resource(type="results")
    document.resources.append(resource)
    resource.infos.extend(Info(name=name, value=value) for name, value in infos)
    systems = {column.system for column in columns if _is_told(column, version)}
    for system in SYSTEMS:
        if system in systems:
            _add_system(resource, system)
    table = TableElement(document, name=name)
    table.description = title
    resource.tables.append(table)
    table.fields.extend(_field(document, column, version) for column in columns)
    table.create_arrays(len(rows))
    for column, values in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
        filler = DATATYPES[column.kind][1]
        table.array.mask[column.name] = [value is None for value in values]
        table.array.data[column.name] = [filler if value is None else value for value in values]
    return _written(document)


def votable_message(infos, version=VERSION) -> bytes:
    """A VOTable without a table, which says something alone: (name, value) each."""
    document, resource = VOTableFile(version=version), Resource(type="results")
    document.resources.append(resource)
    resource.infos.extend(Info(name=name, value=value) for name, value in infos)
    return _written(document)


def _written(document):
    out = io.BytesIO()
    # BINARY2 takes three times as long, for a mask of its own beside the nulls.
    document.to_xml(out, tabledata_format="binary")
    return out.getvalue()


def _is_told(column, version):
    return column.system and (column.system not in TIMES or version >= WITH_TIMES)


def _add_system(resource, system):
    if system in TIMES:
        known = {"version_1_4_or_later": True}  # else astropy warns of what it writes
        resource.time_systems.append(TimeSys(ID=system, config=known, **TIMES[system]))
    else:
        resource.coordinate_systems.append(CooSys(ID=system, system="ICRS"))


def votable_type(kind: ColumnKind) -> tuple[str, str | None]:
    """The datatype of a column, and its arraysize; None of a single value."""
    datatype, _ = DATATYPES[kind]
    return datatype, "*" if datatype in ("char", "unicodeChar") else None


def _field(document, column, version):
    datatype, size = votable_type(column.kind)
    field = Field(
        document, ID=column.name, name=column.name, datatype=datatype, arraysize=size,
        unit=column.unit or None, ucd=column.ucd or None,
        ref=column.system if _is_told(column, version) else None,
    )  # fmt: skip
    field.description = column.description
    if datatype in ("int", "long"):
        field.values.null = NO_NUMBER
    return field
