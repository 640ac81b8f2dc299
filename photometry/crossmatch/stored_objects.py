"""Stored objects and their sources, to compare a new cross-match with."""

from dataclasses import dataclass

import numpy as np
from django.db import connection

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from exposures.science.footprints import is_in_any, widened
from exposures.source_ids import MAX_SOURCES, RANK_BITS, catalogue_sql
from photometry.crossmatch.catalogues import READ_ARCSEC
from photometry.crossmatch.sources import read_together
from photometry.storage.catalogue_rows import rows_of_catalogues

MEMBER_COLUMNS = "refsource_id, object_id, mag"
MEMBER_DTYPE = [("refsource_id", "i8"), ("object_id", "i8"), ("mag", "f4")]
# Of all numbers that catalogues ever had, those not in use, by their first source: some
# microseconds each.
FORMER_CATALOGUES = f"""
SELECT former.id
FROM (
    SELECT id FROM generate_series(
        1, (SELECT {catalogue_sql("max(refsource_id)")} FROM galobjectsources)
    ) AS id EXCEPT SELECT id FROM galreferences WHERE active
) AS former CROSS JOIN LATERAL (
    SELECT ra, dec FROM galobjectsources
    WHERE refsource_id BETWEEN former.id << {RANK_BITS}
        AND (former.id << {RANK_BITS}) + {MAX_SOURCES - 1}
    ORDER BY refsource_id LIMIT 1
) AS s
WHERE EXISTS (
    SELECT FROM galimages i
    WHERE i.id = ANY(%s) AND q3c_dist(s.ra, s.dec, i.ra, i.dec) < i.radius + %s
)
ORDER BY 1
"""
FORMER_COLUMNS = f"""
{MEMBER_COLUMNS}, ra, dec, coalesce(array_position({{filters}}, filter), 0)::int2
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
    object: np.ndarray  # (n,) number of its object, from 0
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
        """(n,) the number of the stored object of each source, or -1."""
        if len(self.members) == 0:
            return np.full(len(refsource_ids), -1)
        at, is_there = self.of(refsource_ids)
        return np.where(is_there, self.object[at], -1)

    def shares_objects(self, refsource_ids, chosen):
        """(n,) whether sources (n,) were of an object with one of those chosen (n,)."""
        had = self.objects_of(refsource_ids)
        is_theirs = np.zeros(len(self.objects) + 1, bool)  # the last is of sources that have none
        is_theirs[had[chosen]] = True
        is_theirs[-1] = False
        return is_theirs[had]


def stored_objects(area, chips, filters) -> StoredObjects:
    """Read what is stored of current catalogues, and of former ones in an Area.

    Of these also what lies round it, so that each object is there as a whole. A filter is counted
    from 1, as PostgreSQL does, and 0 if it is none of ``filters``.
    """
    none = np.zeros(0, MEMBER_DTYPE)
    current = [
        _read(MEMBER_COLUMNS, [chips[number].catalogue for number in numbers], MEMBER_DTYPE)
        for numbers in read_together(chips)
    ]
    former = _within(widened(area.footprints, READ_ARCSEC), _former(area.image_ids, filters))
    members = np.concatenate([none, *current, former[list(none.dtype.names)].astype(none.dtype)])
    is_current = np.arange(len(members)) < len(members) - len(former)
    order = np.argsort(members["refsource_id"], kind="stable")
    members = members[order]
    ids, number = np.unique(members["object_id"], return_inverse=True)
    former = _within(area.footprints, former)
    return StoredObjects(members, is_current[order], number, former, _objects(ids))


def _read(columns, catalogue_ids, dtype):
    return rows_of_catalogues("galobjectsources", columns, catalogue_ids, dtype)


def _former(image_ids, filters):
    """FORMER_DTYPE of the sources of former catalogues that may touch images."""
    names = ",".join(f"'{name}'" for name in filters)
    with connection.cursor() as cursor:
        widest = GalImage.objects.widest()
        # A catalogue that was dropped has no place any more, but its first source has.
        cursor.execute(FORMER_CATALOGUES, [list(image_ids), CATALOGUE_RADII * widest])
        catalogues = [pk for (pk,) in cursor.fetchall()]
    if not catalogues:
        return np.zeros(0, FORMER_DTYPE)
    columns = FORMER_COLUMNS.format(filters=f"ARRAY[{names}]::varchar[]")
    return _read(columns, catalogues, FORMER_DTYPE)


def _within(footprints, rows):
    """Rows that lie in one of the footprints."""
    inside = is_in_any(footprints, rows["ra"], rows["dec"])
    return rows[inside]


def _objects(ids):
    """OBJECT_DTYPE of objects by id, read as a range if most of it is wanted, else one by one."""
    objects = np.zeros(len(ids), OBJECT_DTYPE)
    objects["id"] = ids
    if len(ids) == 0:
        return objects
    if ids[-1] - ids[0] < MAX_DILUTION * len(ids):
        which = f"id BETWEEN {ids[0]} AND {ids[-1]}"
    else:
        which = f"id = ANY('{{{','.join(map(str, ids.tolist()))}}}')"
    rows = copy_out(OBJECTS.format(which=which), OBJECT_DTYPE)
    at = np.searchsorted(ids, rows["id"])
    wanted = ids[at] == rows["id"]
    objects[at[wanted]] = rows[wanted]
    return objects
