"""Rows of galcandidates, written many at once where they differ from what is stored."""

from collections.abc import Mapping

import numpy as np
from django.db import connection, models
from django.utils import timezone

from photometry.models import GalReference
from variables.models import GalCandidate

UPSERT = """
INSERT INTO galcandidates AS c ({columns}, {common}, {others})
SELECT {values}, {common_values}, {other_values} FROM unnest({arrays}) AS r ({columns})
ON CONFLICT (refsource_id) DO UPDATE SET ({changed}, refreshed) = ROW({new}, %(refreshed)s)
WHERE ({old}) IS DISTINCT FROM ({new})
RETURNING c.refsource_id, c.xmax = 0
"""


def upsert_candidates(
    catalogue: GalReference, columns: Mapping[str, np.ndarray]
) -> tuple[set[int], set[int]]:
    """Insert or update candidates of a catalogue; ids of those inserted, and of all written.

    ``columns`` (n,) are all that are derived, but for those of the image; NaN is NULL where a
    column may be. What others write is left as it is, and so is a row that would not change.
    """
    image = catalogue.image
    common = {
        "catalogue_id": catalogue.pk,
        "filter": image.exposure.filter,
        "ccdnum": image.ccdnum,
    }
    fields = [_field(name) for name in columns]
    arrays = {f"array_{name}": _array(_field(name), values) for name, values in columns.items()}
    values = common | arrays | _defaults([*columns, *common]) | {"refreshed": timezone.now()}
    with connection.cursor() as cursor:
        cursor.execute(_statement(fields, [*common]), values)
        written = dict(cursor.fetchall())
    return {pk for pk, is_new in written.items() if is_new}, set(written)


def _statement(fields, common):
    columns = [field.column for field in fields]
    changed = [name for name in (*columns, *common) if name != "refsource_id"]
    others = list(_defaults([*columns, *common]))
    return UPSERT.format(
        columns=", ".join(columns),
        values=", ".join(map(_value, fields)),
        arrays=", ".join(f"%(array_{f.column})s::{_element_type(f)}[]" for f in fields),
        common=", ".join(common),
        common_values=", ".join(f"%({name})s" for name in common),
        others=", ".join([*others, "refreshed"]),
        other_values=", ".join([*(f"%({name})s" for name in others), "%(refreshed)s"]),
        changed=", ".join(changed),
        old=", ".join(f"c.{name}" for name in changed),
        new=", ".join(f"excluded.{name}" for name in changed),
    )


def _field(column):
    return GalCandidate._meta.get_field(column)


def _element_type(field):
    # A varchar's length is checked where the row is inserted.
    return "text" if isinstance(field, models.CharField) else field.db_type(connection)


def _value(field):
    return f"nullif(r.{field.column}, 'NaN')" if field.null else f"r.{field.column}"


def _array(field, values):
    """A column as a parameter for an array of PostgreSQL.

    Numbers are a text of all of them: psycopg2 adapts each number by itself, slowly.
    """
    values = np.asarray(values)
    if isinstance(field, models.CharField):
        return [str(value) for value in values.tolist()]
    if isinstance(field, models.IntegerField):
        values = values.astype(np.int64)
    return f"{{{','.join(map(repr, values.tolist()))}}}"


def _defaults(given):
    """Values in a new row, {column: value}, of the columns that are neither ``given`` nor NULL."""
    return {
        field.column: field.get_default()
        for field in GalCandidate._meta.concrete_fields
        if field.column not in given and not field.null and field.column != "refreshed"
    }
