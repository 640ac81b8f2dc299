"""Objects compared with those that are stored, and what differs stored, in one transaction."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.dispatch import Signal

from exposures.science.footprints import contains, unit_vectors
from photometry.binary_copy import copy_in, copy_out
from photometry.objects import Kind
from photometry.science.joining import ARCSEC, middles
from photometry.science.succession import inherited, successors
from photometry.sources import catalogue_of

# Sent in the transaction in which sources took the place of others of their star and filter, in
# catalogues made anew: ``old`` and ``new``, arrays of ids. Other applications carry along what
# hangs on them.
sources_succeeded = Signal()

SAME_DEGREES = 1e-8  # positions that differ by less are the same, summed up in another order
MARGIN_DEGREES = 30 / 3600  # of the search for objects that are there, round an image

BEFORE = """
SELECT s.refsource_id, s.object_id, s.ra, s.dec, s.mag,
    coalesce(array_position({filters}, s.filter), 0)::int2, (c.id IS NOT NULL)
FROM galobjects o JOIN galobjectsources s ON s.object_id = o.id
LEFT JOIN galreferences c ON c.id = s.refsource_id >> 20 AND c.active
WHERE q3c_join({ra}, {dec}, o.ra, o.dec, {radius})
"""
BEFORE_DTYPE = [
    *(("refsource_id", "i8"), ("object_id", "i8"), ("ra", "f8"), ("dec", "f8")),
    *(("mag", "f4"), ("filter", "i2"), ("is_current", "?")),
]
OBJECTS = """
SELECT id, ra, dec, n_sources, n_filters, kind FROM galobjects WHERE id = ANY('{{{ids}}}')
"""
OBJECT_DTYPE = [
    *(("id", "i8"), ("ra", "f8"), ("dec", "f8")),
    *(("n_sources", "i2"), ("n_filters", "i2"), ("kind", "i2")),
]
MEMBER_DTYPE = [
    *(("refsource_id", "i8"), ("object_id", "i8"), ("ra", "f8"), ("dec", "f8")),
    *(("mag", "f4"), ("filter", "i2")),
]


@dataclass(frozen=True)
class Sources:
    """Reference sources of catalogues in use, in order of their ids; arrays (n,)."""

    filters: tuple[str, ...]
    refsource_id: np.ndarray
    ra: np.ndarray  # ICRS degrees
    dec: np.ndarray
    mag: np.ndarray
    flux: np.ndarray  # ADU
    error: np.ndarray  # of the position along an axis, arcsec
    filter: np.ndarray  # index in ``filters``

    def __len__(self):
        return len(self.refsource_id)

    def arrays(self):
        return [getattr(self, name) for name in self.__dataclass_fields__ if name != "filters"]

    @classmethod
    def none(cls, filters):
        return cls(filters, *(np.zeros(0, kind) for kind in ("i8", *["f8"] * 5, "i2")))


@dataclass(frozen=True)
class ObjectChanges:
    """What differs from before; ids of objects below 0 are of new ones."""

    filters: tuple[str, ...]
    members: np.ndarray  # (n,) of MEMBER_DTYPE, those that are new or move to another object
    removed: np.ndarray  # ids of sources that are of no object any more
    objects: np.ndarray  # (n,) of OBJECT_DTYPE, those that are new or differ
    gone: np.ndarray  # ids of objects without a source
    succeeded: np.ndarray  # (n, 2) ids of sources that went, and of those in their place
    kinds: np.ndarray  # of all objects that were looked at
    n_sources: int  # of these

    def counts(self) -> dict:
        """What the pass found and changed, in numbers."""
        found = np.bincount(self.kinds, minlength=len(Kind))
        is_new = self.objects["id"] < 0
        return {
            "n_sources": self.n_sources,
            "n_single": int(found[Kind.SINGLE]),
            "n_one_to_one": int(found[Kind.ONE_TO_ONE]),
            "n_blends": int(found[Kind.BLEND]),
            "n_new": int(is_new.sum()),
            "n_changed": int((~is_new).sum()),
            "n_removed": len(self.gone),
            "n_succeeded": len(self.succeeded),
        }


def changes_of(images, chips, sources, groups, inside, options) -> ObjectChanges:
    """Compare the groups of sources that have one ``inside`` with the objects that are stored."""
    before = _before(images, sources.filters)
    had = _objects_before(sources.refsource_id, before)
    written, label, is_blend = _written(groups, inside, had)
    own = _taken(sources, written)
    former = _former(images, before)
    old, new = _succession(former, own, label, options)
    had = had[written]
    # Who takes the place of another takes over its object, where it has none of its own.
    free = had[new] == 0
    had[new[free]] = former["object_id"][old[free]]
    ids = inherited(label, len(is_blend), had)
    ids[ids == 0] = -1 - np.arange(np.count_nonzero(ids == 0))
    members = _members(own, ids[label])
    dropped = former[_is_covered(former, chips, sources.filters)]
    dropped = np.union1d(dropped["refsource_id"], former["refsource_id"][old])
    objects = _objects(own, label, is_blend, ids)
    differing, gone = _differing(objects, before, dropped, members)
    return ObjectChanges(
        filters=sources.filters,
        members=members[members["object_id"] != _objects_before(members["refsource_id"], before)],
        removed=dropped,
        objects=differing,
        gone=gone,
        succeeded=np.column_stack([former["refsource_id"][old], own.refsource_id[new]]),
        kinds=objects["kind"],
        n_sources=len(own),
    )


def _before(images, filters):
    """What is stored of the objects round images, sorted by source; see BEFORE_DTYPE."""
    names = ",".join(f"'{name}'" for name in filters)
    parts = [
        copy_out(
            BEFORE.format(
                filters=f"ARRAY[{names}]::varchar[]",
                **{"ra": image.ra, "dec": image.dec, "radius": image.radius + MARGIN_DEGREES},
            ),
            BEFORE_DTYPE,
        )
        for image in images
    ]
    rows = np.concatenate([np.zeros(0, BEFORE_DTYPE), *parts])
    return rows[np.unique(rows["refsource_id"], return_index=True)[1]]


def _objects_before(refsource_ids, before):
    """(n,) the object that each source had, 0 where it had none."""
    if len(before) == 0:
        return np.zeros(len(refsource_ids), np.int64)
    at = np.searchsorted(before["refsource_id"], refsource_ids).clip(max=len(before) - 1)
    return np.where(before["refsource_id"][at] == refsource_ids, before["object_id"][at], 0)


def _written(groups, inside, had):
    """Which sources are stored anew, (n,), and their groups numbered anew: label, is_blend.

    Those of groups that lie inside, and of groups that have a source of an object of theirs.
    """
    chosen = np.zeros(len(groups.is_blend), bool)
    chosen[groups.label[inside]] = True
    theirs = np.unique(had[chosen[groups.label] & (had > 0)])
    chosen[groups.label[np.isin(had, theirs)]] = True
    written = chosen[groups.label]
    number = np.cumsum(chosen) - 1
    return written, number[groups.label[written]], groups.is_blend[chosen]


def _taken(sources, chosen):
    return Sources(sources.filters, *(array[chosen] for array in sources.arrays()))


def _former(images, before):
    """Of what is stored, the sources of catalogues that are not in use any more, on the images."""
    former = before[~before["is_current"]]
    inside = np.zeros(len(former), bool)
    for image in images:
        inside |= contains(np.array(image.footprint), former["ra"], former["dec"])
    return former[inside]


def _succession(former, own, label, options):
    """Indices of former sources and of those of the same filter that took their place."""
    radius = options.max_radius_arcsec * ARCSEC
    pairs = [np.zeros((0, 2), int)]
    for code in np.unique(former["filter"]):
        # 1 is the first in PostgreSQL's arrays.
        old, new = np.flatnonzero(former["filter"] == code), np.flatnonzero(own.filter == code - 1)
        i, j = successors(
            _vectors(former["ra"][old], former["dec"][old]),
            catalogue_of(former["refsource_id"][old]),
            _vectors(own.ra[new], own.dec[new]),
            catalogue_of(own.refsource_id[new]),
            label[new],
            radius,
        )
        pairs.append(np.column_stack([old[i], new[j]]))
    return np.concatenate(pairs).T


def _vectors(ra, dec):
    return unit_vectors(np.column_stack([ra, dec]))


def _is_covered(former, chips, filters):
    """(n,) which former sources lie on a catalogue in use of their filter: they are not there."""
    covered = np.zeros(len(former), bool)
    for chip in chips if len(former) else ():
        left = np.flatnonzero(~covered & (former["filter"] == filters.index(chip.filter) + 1))
        covered[left] = contains(np.array(chip.footprint), former["ra"][left], former["dec"][left])
    return covered


def _members(own, object_ids):
    rows = np.empty(len(own), MEMBER_DTYPE)
    rows["object_id"] = object_ids
    for name in ("refsource_id", "ra", "dec", "mag", "filter"):
        rows[name] = getattr(own, name)
    return rows


def _objects(own, label, is_blend, ids):
    """Rows of the objects of groups of sources."""
    n = len(ids)
    rows = np.zeros(n, OBJECT_DTYPE)
    rows["id"] = ids
    x, y, z = middles(label, _vectors(own.ra, own.dec), n).T
    rows["ra"] = np.degrees(np.arctan2(y, x)) % 360
    rows["dec"] = np.degrees(np.arctan2(z, np.hypot(x, y)))
    rows["n_sources"] = np.bincount(label, minlength=n)
    for code in range(len(own.filters)):
        rows["n_filters"] += np.bincount(label[own.filter == code], minlength=n) > 0
    rows["kind"] = np.where(rows["n_filters"] > 1, Kind.ONE_TO_ONE, Kind.SINGLE)
    rows["kind"][is_blend] = Kind.BLEND
    return rows


def _differing(objects, before, dropped, members):
    """The objects that are new or differ from what is stored, and the ids of those that go.

    Those that have but sources of catalogues not in use are kept for who takes their place.
    """
    stored = _stored(np.unique(before["object_id"]))
    at = np.searchsorted(stored["id"], objects["id"]).clip(max=max(len(stored) - 1, 0))
    same = np.zeros(len(objects), bool)
    if len(stored):
        was = stored[at]
        same = was["id"] == objects["id"]
        for name in ("n_sources", "n_filters", "kind"):
            same &= was[name] == objects[name]
        same &= np.abs(was["dec"] - objects["dec"]) < SAME_DEGREES
        off = (was["ra"] - objects["ra"] + 180) % 360 - 180
        same &= np.abs(off) * np.cos(np.radians(objects["dec"])) < SAME_DEGREES
    left = stored[~np.isin(stored["id"], objects["id"])]
    moved = np.isin(before["refsource_id"], np.union1d(dropped, members["refsource_id"]))
    left = left[~np.isin(left["id"], before["object_id"][~moved & before["is_current"]])]
    is_kept = np.isin(left["id"], before["object_id"][~moved])
    kept = left[is_kept & (left["kind"] != Kind.GONE)]
    kept["n_sources"], kept["n_filters"], kept["kind"] = 0, 0, Kind.GONE
    return np.concatenate([objects[~same], kept]), left["id"][~is_kept]


def _stored(object_ids):
    """Rows of objects, in order of their ids."""
    rows = copy_out(OBJECTS.format(ids=_listed(object_ids)), OBJECT_DTYPE)
    return rows[np.argsort(rows["id"])]


def _listed(ids):
    return ",".join(map(str, ids.tolist()))


def store(changes):
    """Store what differs, inside a transaction of the caller's, and tell of successors."""
    objects, members = changes.objects.copy(), changes.members.copy()
    is_new = objects["id"] < 0
    fresh = _fresh_ids(np.count_nonzero(is_new))
    for rows, name in ((members, "object_id"), (objects, "id")):
        new = rows[name] < 0
        rows[name][new] = fresh[-1 - rows[name][new]]
    _delete("galobjectsources", "refsource_id", changes.removed, members["refsource_id"])
    _delete("galobjects", "id", changes.gone, objects["id"][~is_new])
    copy_in("galobjects", np.sort(objects, order="id"))
    for code, name in enumerate(changes.filters):
        own = members[members["filter"] == code]
        # As long as the name, as each field of a structured array has the same size in all rows.
        kind = [*MEMBER_DTYPE[:-1], ("filter", f"S{len(name.encode())}")]
        rows = np.empty(len(own), kind)
        for column, _ in MEMBER_DTYPE[:-1]:
            rows[column] = own[column]
        rows["filter"] = name.encode()
        copy_in("galobjectsources", rows)
    if len(changes.succeeded):
        old, new = changes.succeeded.T
        sources_succeeded.send(sender=None, old=old, new=new)


def _fresh_ids(n):
    sequence = "pg_get_serial_sequence('galobjects', 'id')"
    query = f"SELECT nextval({sequence}) FROM generate_series(1, {n})"
    return copy_out(query, [("id", "i8")])["id"]


def _delete(table, key, *ids):
    ids = np.concatenate(ids)
    if len(ids):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} = ANY(%s::bigint[])", [f"{{{_listed(ids)}}}"]
            )
