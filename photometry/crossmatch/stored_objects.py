"""Stored objects and their sources, to compare a new cross-match with."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from exposures.science.footprints import is_in_any
from exposures.source_ids import RANK_BITS, catalogue_sql, id_range

MEMBERS = """
SELECT refsource_id, object_id, mag FROM galobjectsources
WHERE refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id
"""
MEMBER_DTYPE = [("refsource_id", "i8"), ("object_id", "i8"), ("mag", "f4")]
# From a catalogue's first source on to that of the next, by the index: some microseconds each.
FORMER_CATALOGUES = f"""
WITH RECURSIVE firsts AS (
    (SELECT refsource_id FROM galobjectsources ORDER BY refsource_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT s.refsource_id FROM galobjectsources s
        WHERE s.refsource_id >= ({catalogue_sql("firsts.refsource_id")} + 1) << {RANK_BITS}
        ORDER BY s.refsource_id LIMIT 1
    )
    FROM firsts WHERE firsts.refsource_id IS NOT NULL
)
SELECT {catalogue_sql("s.refsource_id")} FROM firsts JOIN galobjectsources s USING (refsource_id)
WHERE NOT EXISTS (
        SELECT FROM galreferences c
        WHERE c.id = {catalogue_sql("s.refsource_id")} AND c.active
    )
    AND EXISTS (
        SELECT FROM galimages i
        WHERE i.id = ANY(%s) AND q3c_dist(s.ra, s.dec, i.ra, i.dec) < i.radius + %s
    )
ORDER BY 1
"""
FORMER = """
SELECT refsource_id, object_id, mag, ra, dec, coalesce(array_position({filters}, filter), 0)::int2
FROM galobjectsources WHERE refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id
"""
FORMER_DTYPE = [*MEMBER_DTYPE, ("ra", "f8"), ("dec", "f8"), ("filter", "i2")]
OBJECTS = "SELECT id, ra, dec, n_sources, n_filters, kind FROM galobjects WHERE {which}"
OBJECT_DTYPE = [
    *(("id", "i8"), ("ra", "f8"), ("dec", "f8")),
    *(("n_sources", "i2"), ("n_filters", "i2"), ("kind", "i2")),
]
CATALOGUE_RADII = 2.1  # across a chip, and a little more
MAX_DILUTION = 4  # of the ids that are wanted among those of a range that is read


@dataclass(frozen=True)
class StoredObjects:
    """Stored sources of current catalogues, and of former ones near the images, with objects.

    Former ones wait for who takes their place in a catalogue made anew.
    """

    members: np.ndarray  # (n,) of MEMBER_DTYPE, in order of their ids
    is_current: np.ndarray  # (n,) in a catalogue in use
    former: np.ndarray  # of FORMER_DTYPE, those of the others that lie on the images
    objects: np.ndarray  # of OBJECT_DTYPE, in order of their ids

    def of(self, refsource_ids):
        """Rows of ``members`` for sources (n,), and whether they exist."""
        if len(self.members) == 0:
            return np.zeros(len(refsource_ids), int), np.zeros(len(refsource_ids), bool)
        at = np.searchsorted(self.members["refsource_id"], refsource_ids)
        at = at.clip(max=len(self.members) - 1)
        return at, self.members["refsource_id"][at] == refsource_ids

    def objects_of(self, refsource_ids):
        """(n,) the stored object of each source, or 0."""
        if len(self.members) == 0:
            return np.zeros(len(refsource_ids), np.int64)
        at, is_there = self.of(refsource_ids)
        return np.where(is_there, self.members["object_id"][at], 0)


def stored_objects(area, catalogue_ids, filters) -> StoredObjects:
    """Read what is stored of current catalogues, and of former ones in an Area.

    Of these also what lies round it, so that each object is there as a whole. A filter is counted
    from 1, as PostgreSQL does, and 0 if it is none of ``filters``.
    """
    none = np.zeros(0, MEMBER_DTYPE)
    current = [_read(MEMBERS, MEMBER_DTYPE, pk) for pk in catalogue_ids]
    former = _within(area.read, _former(area.image_ids, filters))
    members = np.concatenate([none, *current, former[list(none.dtype.names)].astype(none.dtype)])
    is_current = np.arange(len(members)) < len(members) - len(former)
    order = np.argsort(members["refsource_id"], kind="stable")
    objects = _objects(np.unique(members["object_id"]))
    former = _within(area.footprints, former)
    return StoredObjects(members[order], is_current[order], former, objects)


def _read(query, dtype, catalogue_id, **names):
    first, last = id_range(catalogue_id)
    return copy_out(query.format(first=first, last=last, **names), dtype)


def _former(image_ids, filters):
    """FORMER_DTYPE of the sources of former catalogues that may touch images."""
    names = ",".join(f"'{name}'" for name in filters)
    with connection.cursor() as cursor:
        widest = GalImage.objects.widest()
        # A catalogue that was dropped has no place any more, but its first source has.
        cursor.execute(FORMER_CATALOGUES, [list(image_ids), CATALOGUE_RADII * widest])
        catalogues = [pk for (pk,) in cursor.fetchall()]
    order = {"filters": f"ARRAY[{names}]::varchar[]"}
    parts = [_read(FORMER, FORMER_DTYPE, pk, **order) for pk in catalogues]
    return np.concatenate([np.zeros(0, FORMER_DTYPE), *parts])


def _within(footprints, rows):
    """Rows that lie in one of the footprints."""
    inside = is_in_any(np.array(footprints).reshape(-1, 8), rows["ra"], rows["dec"])
    return rows[inside]


def _objects(ids):
    """Rows of objects by id, read as a range if most of it is wanted, else one by one."""
    if len(ids) == 0:
        return np.zeros(0, OBJECT_DTYPE)
    if ids[-1] - ids[0] < MAX_DILUTION * len(ids):
        which = f"id BETWEEN {ids[0]} AND {ids[-1]}"
    else:
        which = f"id = ANY('{{{','.join(map(str, ids.tolist()))}}}')"
    rows = copy_out(OBJECTS.format(which=which), OBJECT_DTYPE)
    rows = rows[np.argsort(rows["id"])]
    return rows[np.isin(rows["id"], ids)]
