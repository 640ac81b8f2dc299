"""Objects compared with the stored ones, and their differences stored in one transaction."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from django.dispatch import Signal

from exposures.binary_copy import copy_in, copy_out
from exposures.science.angles import ra_difference, to_sky
from exposures.science.footprints import contains, unit_vectors
from exposures.source_ids import catalogue_of
from photometry.crossmatch.stored_objects import OBJECT_DTYPE
from photometry.querysets.objects import MatchKind
from photometry.science.crossmatch.matching import ARCSEC, Groups, middles
from photometry.science.crossmatch.source_replacements import inherited, source_replacements
from photometry.storage.reference_values import reference_values
from photometry.storage.storage import catalogue_sources

# Sent in the transaction in which sources replace others of the same star and filter, in
# catalogues made anew: ``old`` and ``new``, arrays of ids. Other applications transfer what they
# keep about the old ones.
sources_replaced = Signal()
# Sent in the transaction in which objects were stored: ``refsource_ids`` of the sources that came
# to an object or left one, ``object_ids`` of the objects that changed or went, arrays.
objects_changed = Signal()

SAME_DEGREES = 1e-8  # positions that differ by less are the same, summed up in another order

ROW_DTYPE = [
    *(("refsource_id", "i8"), ("object_id", "i8"), ("ra", "f8"), ("dec", "f8")),
    *(("mag", "f4"), ("filter", "i2")),
]


@dataclass(frozen=True)
class ObjectChanges:
    """The differences from the stored objects; new objects have ids below 0."""

    filters: tuple[str, ...]
    members: np.ndarray  # (n,) of ROW_DTYPE, those that are new or differ
    removed: np.ndarray  # ids of sources that are of no object any more, or are stored anew
    objects: np.ndarray  # (n,) of OBJECT_DTYPE, those that are new or differ
    gone: np.ndarray  # ids of objects without a source
    replacements: np.ndarray  # (n, 2) ids of sources that went, and of those in their place
    kinds: np.ndarray  # of all objects that were looked at
    n_sources: int  # of these

    def counts(self) -> dict:
        """The CrossMatchCounts of objects found, by kind, and changed."""
        found = np.bincount(self.kinds, minlength=len(MatchKind))
        is_new = self.objects["id"] < 0
        return {
            "n_sources": self.n_sources,
            "n_single": int(found[MatchKind.SINGLE]),
            "n_one_to_one": int(found[MatchKind.ONE_TO_ONE]),
            "n_doubtful": int(found[MatchKind.DOUBTFUL]),
            "n_blends": int(found[MatchKind.BLEND]),
            "n_new": int(is_new.sum()),
            "n_changed": int((~is_new).sum()),
            "n_removed": len(self.gone),
            "n_replacements": len(self.replacements),
        }


def changes_of(stored, chips, sources, groups, inside, options) -> ObjectChanges:
    """Compare the groups of sources that have one ``inside`` with the objects that are stored."""
    had = stored.objects_of(sources.refsource_id)
    written, groups = _written(groups, inside, had, len(stored.objects))
    own, had = sources.at(written), had[written]
    former = stored.former
    old, new = _source_replacements(former, own, groups.label, options)
    # A source that replaces another takes over its object, if it has none of its own.
    free = had[new] < 0
    had[new[free]] = stored.objects_of(former["refsource_id"][old[free]])
    number = inherited(groups.label, len(groups.is_blend), had)
    ids = np.where(number < 0, -np.cumsum(number < 0), 0)
    ids[number >= 0] = stored.objects["id"][number[number >= 0]]
    members, replaced = _differing_members(_members(own, ids[groups.label]), stored)
    dropped = former[_is_covered(former, chips, sources.filters)]
    dropped = np.union1d(dropped["refsource_id"], former["refsource_id"][old])
    objects = _objects(own, groups, ids)
    removed = np.union1d(dropped, replaced)
    differing, gone = _differing(objects, number, stored, removed)
    return ObjectChanges(
        filters=sources.filters,
        members=members,
        removed=removed,
        objects=differing,
        gone=gone,
        replacements=np.column_stack([former["refsource_id"][old], own.refsource_id[new]]),
        kinds=objects["kind"],
        n_sources=len(own),
    )


def _written(groups, inside, had, n_objects):
    """(n,) whether sources are to be stored again, and their Groups.

    Those of groups that lie inside, and of groups that have a source of an object of theirs.
    """
    chosen = np.zeros(len(groups.is_blend), bool)
    chosen[groups.label[inside]] = True
    is_theirs = np.zeros(n_objects + 1, bool)  # the last is of sources that have none
    is_theirs[had[chosen[groups.label]]] = True
    is_theirs[-1] = False
    chosen[groups.label[is_theirs[had]]] = True
    written = chosen[groups.label]
    label = (np.cumsum(chosen) - 1)[groups.label[written]]
    return written, Groups(label, groups.is_blend[chosen], groups.is_doubtful[chosen])


def _source_replacements(former, own, label, options):
    """Indices of former sources and of their replacements in the same filter."""
    radius = options.min_radius_arcsec * ARCSEC  # the same image: its errors are small
    pairs = [np.zeros((0, 2), int)]
    for code in np.unique(former["filter"]):
        # 1 is the first in PostgreSQL's arrays.
        old, new = np.flatnonzero(former["filter"] == code), np.flatnonzero(own.filter == code - 1)
        i, j = source_replacements(
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
    """(n,) which former sources lie on a catalogue in use of their filter, which lacks them."""
    covered = np.zeros(len(former), bool)
    for chip in chips if len(former) else ():
        left = np.flatnonzero(~covered & (former["filter"] == filters.index(chip.filter) + 1))
        covered[left] = contains(np.array(chip.footprint), former["ra"][left], former["dec"][left])
    return covered


def _members(own, object_ids):
    rows = np.empty(len(own), ROW_DTYPE)
    rows["object_id"] = object_ids
    for name in ("refsource_id", "ra", "dec", "mag", "filter"):
        rows[name] = getattr(own, name)
    return rows


def _differing_members(rows, stored):
    """Members that are new, moved to another object or changed; ids of the latter two."""
    at, is_there = stored.of(rows["refsource_id"])
    same = is_there.copy()
    was = stored.members[at[is_there]]
    is_same = was["object_id"] == rows["object_id"][is_there]
    # To the bit: a magnitude may be NaN.
    is_same &= was["mag"].view("i4") == rows["mag"][is_there].view("i4")
    same[is_there] = is_same
    return rows[~same], rows["refsource_id"][~same & is_there]


def _objects(own, groups, ids):
    """The rows of galobjects for groups of sources."""
    n, label = len(ids), groups.label
    rows = np.zeros(n, OBJECT_DTYPE)
    rows["id"] = ids
    rows["ra"], rows["dec"] = to_sky(middles(label, own.places, n))
    rows["n_sources"] = np.bincount(label, minlength=n)
    for code in range(len(own.filters)):
        rows["n_filters"] += np.bincount(label[own.filter == code], minlength=n) > 0
    one_to_one = np.where(groups.is_doubtful, MatchKind.DOUBTFUL, MatchKind.ONE_TO_ONE)
    rows["kind"] = np.where(rows["n_filters"] > 1, one_to_one, MatchKind.SINGLE)
    rows["kind"][groups.is_blend] = MatchKind.BLEND
    return rows


def _differing(objects, number, stored, removed):
    """The objects that are new or changed, and the ids of those to be removed.

    ``number`` (n,) is that of the stored one of each object, or -1. Those that have but sources of
    catalogues not in use are kept for who takes their place.
    """
    was, known = stored.objects, number >= 0
    same = np.zeros(len(objects), bool)
    same[known] = _are_same(was[number[known]], objects[known])
    at, is_there = stored.of(removed)
    stays = np.ones(len(stored.members), bool)
    stays[at[is_there]] = False
    is_left, is_kept = np.ones(len(was), bool), np.zeros(len(was), bool)
    is_left[number[known]] = is_left[stored.object[stays & stored.is_current]] = False
    is_kept[stored.object[stays]] = True
    kept = was[is_left & is_kept & (was["kind"] != MatchKind.GONE)]
    kept["n_sources"], kept["n_filters"], kept["kind"] = 0, 0, MatchKind.GONE
    return np.concatenate([objects[~same], kept]), was["id"][is_left & ~is_kept]


def _are_same(was, objects):
    """(n,) whether objects are unchanged."""
    same = was["id"] == objects["id"]
    for name in ("n_sources", "n_filters", "kind"):
        same &= was[name] == objects[name]
    same &= np.abs(was["dec"] - objects["dec"]) < SAME_DEGREES
    off = ra_difference(was["ra"], objects["ra"])
    return same & (np.abs(off) * np.cos(np.radians(objects["dec"])) < SAME_DEGREES)


def _listed(ids):
    return ",".join(map(str, ids.tolist()))


def store_objects(changes):
    """Store the changes in the caller's transaction, and signal which sources were replaced."""
    objects, members = changes.objects.copy(), changes.members.copy()
    is_new = objects["id"] < 0
    fresh = _fresh_ids(np.count_nonzero(is_new))
    for rows, name in ((members, "object_id"), (objects, "id")):
        new = rows[name] < 0
        rows[name][new] = fresh[-1 - rows[name][new]]
    _delete("galobjectsources", "refsource_id", changes.removed)
    _delete("galobjects", "id", np.concatenate([changes.gone, objects["id"][~is_new]]))
    copy_in("galobjects", np.sort(objects, order="id"))
    for code, name in enumerate(changes.filters):
        own = members[members["filter"] == code]
        # As long as the name, as each field of a structured array has the same size in all rows.
        kind = [*ROW_DTYPE[:-1], ("filter", f"S{len(name.encode())}")]
        rows = np.empty(len(own), kind)
        for column, _ in ROW_DTYPE[:-1]:
            rows[column] = own[column]
        rows["filter"] = name.encode()
        copy_in("galobjectsources", rows)
    if len(changes.replacements):
        old, new = changes.replacements.T
        sources_replaced.send(sender=None, old=old, new=new)
    objects_changed.send(
        sender=None,
        refsource_ids=np.union1d(members["refsource_id"], changes.removed),
        object_ids=np.union1d(objects["id"], changes.gone),
    )


def _fresh_ids(n):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence('galobjects', 'id')")
        (sequence,) = cursor.fetchone()
    query = f"SELECT nextval('{sequence}') FROM generate_series(1, {n})"
    return copy_out(query, [("id", "i8")])["id"]


def _delete(table, key, ids):
    if len(ids):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE {key} = ANY(%s::bigint[])", [f"{{{_listed(ids)}}}"]
            )


def renew_magnitudes(catalogue):
    """Update the magnitudes of objects from the current means of a catalogue's sources."""
    first, last = catalogue.id_range
    stored = copy_out(
        "SELECT refsource_id, mag FROM galobjectsources"
        f" WHERE refsource_id BETWEEN {first} AND {last} ORDER BY refsource_id",
        [("refsource_id", "i8"), ("mag", "f4")],
    )
    if len(stored) == 0:
        return
    sources = catalogue_sources(catalogue)
    _, own, of = np.intersect1d(
        stored["refsource_id"], sources["refsource_id"], assume_unique=True, return_indices=True
    )
    mag = reference_values(sources[of]).mag
    differs = np.flatnonzero(stored["mag"][own] != mag)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE galobjectsources s SET mag = m.mag"
            " FROM unnest(%s::bigint[], %s::real[]) AS m (id, mag) WHERE s.refsource_id = m.id",
            [stored["refsource_id"][own][differs].tolist(), mag[differs].tolist()],
        )
