"""New sources and their detections, saved many at once."""

from collections.abc import Collection, Sequence

import numpy as np
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
    query = UPDATE.format(
        assigned=", ".join(f"{f.column} = v.{f.column}" for f in fields),
        arrays=", ".join(f"%s::{f.db_type(connection)}[]" for f in fields),
        names=", ".join(f.column for f in fields),
        old=", ".join(f"s.{f.column}" for f in fields),
        new=", ".join(f"v.{f.column}" for f in fields),
    )
    columns = [[getattr(source, f.attname) for source in sources] for f in fields]
    with connection.cursor() as cursor:
        cursor.execute(query, [[source.pk for source in sources], *columns])
