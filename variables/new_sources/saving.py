"""New sources and their detections, saved many at once."""

from collections.abc import Collection, Sequence

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import connection

from exposures.binary_copy import copy_in
from photometry.storage.columns import NUMPY_TYPES
from variables.models import GalNewDetection, GalNewSource

# Columns of a detection that has no source yet, and no id.
_OWN = [
    field
    for field in GalNewDetection._meta.concrete_fields
    if field.name not in ("id", "source") and not field.is_relation
]
_KEYS = [GalNewDetection._meta.get_field(name) for name in ("image", "catalogue")]
DETECTION_DTYPE = np.dtype(
    [(field.column, "i8") for field in _KEYS]
    + [(field.column, NUMPY_TYPES[type(field)]) for field in _OWN]
)
# Only what differs: most of what waits, waits on.
UPDATE = """
UPDATE galnewsources s SET {assigned}
FROM unnest(%s::bigint[], {arrays}) AS v (id, {names})
WHERE s.refsource_id = v.id AND ({old}) IS DISTINCT FROM ({new})
"""


def save_detections(detections: Collection[GalNewDetection]) -> None:
    """Save detections that have no source yet, without giving them their ids."""
    rows = np.zeros(len(detections), DETECTION_DTYPE)
    for field in (*_KEYS, *_OWN):
        rows[field.column] = [getattr(one, field.attname) for one in detections]
    copy_in(GalNewDetection._meta.db_table, rows)


def save_columns(sources: Sequence[GalNewSource], names: Sequence[str]) -> None:
    """Save some columns of new sources, by one statement however many they are.

    Where Django's own names each row and value, which takes as long as the search.
    """
    fields = [GalNewSource._meta.get_field(name) for name in names]
    new = {f.column: f"v.{f.column}::{f.db_type(connection)}" for f in fields}
    query = UPDATE.format(
        assigned=", ".join(f"{column} = {value}" for column, value in new.items()),
        arrays=", ".join(f"%s::{_sent_as(f)}[]" for f in fields),
        names=", ".join(new),
        old=", ".join(f"s.{column}" for column in new),
        new=", ".join(new.values()),
    )
    columns = [[_sent(f, getattr(source, f.attname)) for source in sources] for f in fields]
    with connection.cursor() as cursor:
        cursor.execute(query, [[source.pk for source in sources], *columns])


def _sent_as(field):
    """The type of a field's values on their way: arrays in an array would have one length."""
    return "text" if isinstance(field, ArrayField) else field.db_type(connection)


def _sent(field, value):
    if value is None or not isinstance(field, ArrayField):
        return value
    return "{" + ",".join(map(str, value)) + "}"
