"""Stars among candidates: sources on several references, or in several filters, of one object.

A star is an object of the cross-match. In a blend one catalogue has several sources where another
has one; these are different stars, and its candidates count as parts of the object, the most often
detected first.
"""

from functools import partial

from django.db import connection, transaction

from variables.models import CountedAs
from variables.models.candidate_counts import ALONE

NAMED = """
SELECT refsource_id FROM galcandidates
WHERE refsource_id = ANY(%s::bigint[]) OR object_id = ANY(%s::bigint[])
"""
# All rows are looked up one by one (OFFSET 0 keeps the planner to that): it takes objects for far
# more than they are, and would read tables whole.
# Candidates whose star may have changed: those that are named, and all of their objects.
CONCERNED = """
WITH objects AS (
    SELECT object_id FROM galobjectsources WHERE refsource_id = ANY(%(sources)s::bigint[])
    UNION SELECT object_id FROM galcandidates
        WHERE refsource_id = ANY(%(sources)s::bigint[]) AND object_id IS NOT NULL
), concerned AS (
    SELECT unnest(%(sources)s::bigint[]) AS refsource_id
    UNION SELECT s.refsource_id FROM objects CROSS JOIN LATERAL (
        SELECT refsource_id FROM galobjectsources WHERE object_id = objects.object_id OFFSET 0
    ) AS s
    UNION SELECT c.refsource_id FROM objects CROSS JOIN LATERAL (
        SELECT refsource_id FROM galcandidates WHERE object_id = objects.object_id OFFSET 0
    ) AS c
)
"""
# Of another object than the cross-match has, or counted otherwise than the catalogue is in use.
OTHERWISE = """
SELECT c.refsource_id FROM galcandidates c JOIN galreferences r ON r.id = c.catalogue_id
LEFT JOIN galobjectsources s USING (refsource_id)
WHERE c.object_id IS DISTINCT FROM CASE WHEN r.active THEN s.object_id END
    OR (c.counted_as = 0) <> NOT r.active
"""
LOCKED = "WITH concerned AS (SELECT unnest(%(locked)s::bigint[]) AS refsource_id)\n"
LOCK = """
SELECT refsource_id FROM galcandidates
WHERE refsource_id = ANY(ARRAY(SELECT refsource_id FROM concerned)) {where}
ORDER BY refsource_id FOR NO KEY UPDATE {busy}
"""
# Among which a candidate is counted for its star if it comes first.
FIRST_OF = {
    CountedAs.STAR: "",
    CountedAs.STAR_IN_FILTER: ", filter",
    CountedAs.ACCEPTED_STAR: ", accepted",
    CountedAs.ACCEPTED_STAR_IN_FILTER: ", accepted, filter",
    CountedAs.KNOWN_STAR: ", known",
    CountedAs.KNOWN_STAR_IN_FILTER: ", known, filter",
    CountedAs.KNOWN_ACCEPTED_STAR: ", known, accepted",
    CountedAs.KNOWN_ACCEPTED_STAR_IN_FILTER: ", known, accepted, filter",
}


def _bit(counted_as):
    """A bit of ``counted_as`` in SQL, to be added."""
    among = FIRST_OF[counted_as]
    surest = "is_surest AND " if "known" in among else ""
    return f"""
        + CASE WHEN {surest}row_number() OVER (
            PARTITION BY star, is_flagged, part{among}
            ORDER BY n_detections DESC, n_changes DESC, refsource_id
        ) = 1 THEN {counted_as:d} ELSE 0 END"""


MEMBERS = """
, members AS (
    SELECT c.refsource_id, c.catalogue_id, c.filter, c.is_flagged, c.n_detections, c.n_changes,
        r.active, CASE WHEN r.active THEN s.object_id END AS object_id, c.known,
        (c.n_detections > 0 OR c.varies) AND NOT c.is_flagged AS accepted
    FROM concerned CROSS JOIN LATERAL (
        SELECT * FROM galcandidates WHERE refsource_id = concerned.refsource_id OFFSET 0
    ) AS c
    JOIN galreferences r ON r.id = c.catalogue_id
    LEFT JOIN LATERAL (
        SELECT object_id FROM galobjectsources WHERE refsource_id = c.refsource_id OFFSET 0
    ) AS s ON true
)
"""
# The same with rows that are about to be stored, ``written``, in place of those that are there.
TO_BE_MEMBERS = """
, objects AS (
    SELECT s.object_id FROM written JOIN galobjectsources s USING (refsource_id)
    UNION SELECT c.object_id FROM written JOIN galcandidates c USING (refsource_id)
        WHERE c.object_id IS NOT NULL
), concerned AS (
    SELECT s.refsource_id FROM objects CROSS JOIN LATERAL (
        SELECT refsource_id FROM galobjectsources WHERE object_id = objects.object_id OFFSET 0
    ) AS s
    UNION SELECT c.refsource_id FROM objects CROSS JOIN LATERAL (
        SELECT refsource_id FROM galcandidates WHERE object_id = objects.object_id OFFSET 0
    ) AS c
    EXCEPT SELECT refsource_id FROM written
), known_by_now AS (
    SELECT refsource_id, catalogue_id, filter, is_flagged, n_detections, n_changes, known, varies
    FROM written
    UNION ALL
    SELECT c.refsource_id, c.catalogue_id, c.filter, c.is_flagged, c.n_detections, c.n_changes,
        c.known, c.varies
    FROM concerned CROSS JOIN LATERAL (
        SELECT * FROM galcandidates WHERE refsource_id = concerned.refsource_id OFFSET 0
    ) AS c
), members AS (
    SELECT c.refsource_id, c.catalogue_id, c.filter, c.is_flagged, c.n_detections, c.n_changes,
        r.active, CASE WHEN r.active THEN s.object_id END AS object_id, c.known,
        (c.n_detections > 0 OR c.varies) AND NOT c.is_flagged AS accepted
    FROM known_by_now c JOIN galreferences r ON r.id = c.catalogue_id
    LEFT JOIN LATERAL (
        SELECT object_id FROM galobjectsources WHERE refsource_id = c.refsource_id OFFSET 0
    ) AS s ON true
)
"""
# Columns of candidates, and what has them among ``numbers``.
STAR_COLUMNS = {
    "object_id": "object_id",
    "object_part": "part",
    "star_sources": "n",
    "star_detections": "all_found",
    "star_detections_in_filter": "found",
    "star_changes": "all_changed",
    "star_changes_in_filter": "changed",
    "counted_as": "counted_as",
}
# An image has one filter, and detects a star once, however many of its sources are measured on it.
# Materialized, as the planner expects one row of each and would make them anew for every candidate.
NUMBERS = """
, sized AS MATERIALIZED (
    SELECT *, object_id IS NULL OR count(*) OVER (PARTITION BY object_id) = 1 AS is_alone
    FROM members
), parts AS (
    SELECT *, row_number() OVER (
        PARTITION BY object_id, is_flagged, catalogue_id
        ORDER BY n_detections DESC, n_changes DESC, refsource_id
    ) AS part
    FROM sized WHERE NOT is_alone
), of_stars AS (
    SELECT *, object_id AS star,
        array_position(ARRAY['known', 'cant-be-told', 'new'], known::text) AS sureness
    FROM parts
), surest AS (
    SELECT *, sureness IS NOT DISTINCT FROM min(sureness) OVER (
        PARTITION BY star, is_flagged, part
    ) AS is_surest
    FROM of_stars
), counted AS MATERIALIZED (
    SELECT refsource_id, CASE WHEN active THEN 1{bits} ELSE 0 END AS counted_as
    FROM surest
), stars AS (
    SELECT object_id, is_flagged, part, count(*) AS n FROM parts
    GROUP BY 1, 2, 3
), in_filters AS (
    SELECT p.object_id, p.is_flagged, p.part, p.filter,
        count(DISTINCT v.galimage_id)
            FILTER (WHERE v.failed_cuts = 0 AND NOT v.is_flagged) AS found,
        count(DISTINCT v.galimage_id) AS changed
    FROM parts p JOIN stars USING (object_id, is_flagged, part)
    JOIN galvarobjs v USING (refsource_id)
    WHERE stars.n > 1 GROUP BY 1, 2, 3, 4
), sums AS MATERIALIZED (
    SELECT *, sum(found) OVER star AS all_found, sum(changed) OVER star AS all_changed
    FROM in_filters WINDOW star AS (PARTITION BY object_id, is_flagged, part)
), numbers AS MATERIALIZED (
    SELECT p.refsource_id, p.object_id, p.part::int, coalesce(stars.n, 1)::int AS n,
        coalesce(all_found, n_detections)::int AS all_found,
        coalesce(found, n_detections)::int AS found,
        coalesce(all_changed, n_changes)::int AS all_changed,
        coalesce(changed, n_changes)::int AS changed, counted_as
    FROM parts p
    JOIN counted USING (refsource_id)
    LEFT JOIN stars USING (object_id, is_flagged, part)
    LEFT JOIN sums USING (object_id, is_flagged, part, filter)
    UNION ALL
    SELECT refsource_id, object_id, 1, 1, n_detections, n_detections, n_changes, n_changes,
        CASE WHEN active THEN {alone} ELSE 0 END
    FROM sized WHERE is_alone
)
""".format(bits="".join(map(_bit, FIRST_OF)), alone=int(ALONE))
IS_OTHERWISE = """
(c.object_id, c.object_part, c.star_sources, star_detections, star_detections_in_filter,
    star_changes, star_changes_in_filter, c.counted_as)
IS DISTINCT FROM (n.object_id, n.part, n.n, all_found, found, all_changed, changed, n.counted_as)
"""
DIFFERING = f"""
SELECT n.refsource_id FROM numbers n CROSS JOIN LATERAL (
        SELECT * FROM galcandidates WHERE refsource_id = n.refsource_id OFFSET 0
    ) AS c WHERE {IS_OTHERWISE}
"""
UPDATE = f"""
UPDATE galcandidates c SET object_id = n.object_id, object_part = n.part, star_sources = n.n,
    star_detections = all_found, star_detections_in_filter = found,
    star_changes = all_changed, star_changes_in_filter = changed, counted_as = n.counted_as
FROM numbers n
WHERE c.refsource_id = n.refsource_id AND c.refsource_id = ANY(%(locked)s::bigint[])
    AND {IS_OTHERWISE}
"""
# Candidates of the same catalogue and object as some, and not among them.
BESIDE = """
WITH objects AS (
    SELECT object_id FROM galobjectsources WHERE refsource_id = ANY(%(sources)s::bigint[])
    UNION SELECT object_id FROM galcandidates
        WHERE refsource_id = ANY(%(sources)s::bigint[]) AND object_id IS NOT NULL
)
SELECT refsource_id FROM objects JOIN galobjectsources USING (object_id)
WHERE refsource_id BETWEEN %(first)s AND %(last)s
    AND refsource_id NOT IN (SELECT unnest(%(sources)s::bigint[]))
UNION SELECT refsource_id FROM objects JOIN galcandidates USING (object_id)
WHERE refsource_id BETWEEN %(first)s AND %(last)s
    AND refsource_id NOT IN (SELECT unnest(%(sources)s::bigint[]))
"""


def candidates_of(refsource_ids, object_ids) -> list[int]:
    """Ids of the candidates among these sources or of these objects."""
    with connection.cursor() as cursor:
        cursor.execute(NAMED, [_ids(refsource_ids.tolist()), _ids(object_ids.tolist())])
        return [pk for (pk,) in cursor.fetchall()]


def candidates_of_other_stars() -> list[int]:
    """Ids of candidates that are said to be of another star than by the cross-match."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERWISE)
        return [pk for (pk,) in cursor.fetchall()]


def refresh_stars(refsource_ids):
    """Update the columns of candidates about their stars, now and again after the commit.

    For the candidates with these ids and all others of their objects. Candidates that another
    transaction is writing are left out at first, so that nobody waits for a lock here while holding
    others; after the commit all are updated, with what others committed meanwhile.
    """
    _write(refsource_ids, busy="SKIP LOCKED")
    # Everything that it follows from is stored by then: where it fails, the next time mends it.
    transaction.on_commit(partial(_write, refsource_ids), robust=True)


def refresh_stars_of(catalogue, refsource_ids):
    """Update the star columns in this transaction, only for candidates of one catalogue.

    For callers that go on to lock other catalogues, whose candidates must not be locked before;
    ``refresh_stars_later`` has to follow.
    """
    if refsource_ids:
        first, last = catalogue.id_range
        _write(refsource_ids, where=f"AND refsource_id BETWEEN {first} AND {last}")


def beside(catalogue, refsource_ids) -> list[int]:
    """Ids of the other candidates of a catalogue that are parts of the same objects as some."""
    if not refsource_ids:
        return []
    first, last = catalogue.id_range
    with connection.cursor() as cursor:
        cursor.execute(BESIDE, {"sources": _ids(refsource_ids), "first": first, "last": last})
        return [pk for (pk,) in cursor.fetchall()]


def refresh_stars_later(refsource_ids):
    """Update the star columns of candidates and all others of their objects after the commit.

    With what others committed meanwhile; where it fails, the next time mends it.
    """
    if refsource_ids:
        transaction.on_commit(partial(_write, refsource_ids), robust=True)


def _write(refsource_ids, where="", busy=""):
    """Update the star columns of those that say something else than they should.

    They are looked for before any is locked. What another transaction has changed by then and not
    committed, it looks at itself after its commit.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        looked_for = CONCERNED + MEMBERS + NUMBERS + DIFFERING
        cursor.execute(looked_for, {"sources": _ids(refsource_ids)})
        values = {"sources": _ids(pk for (pk,) in cursor.fetchall())}
        if values["sources"] == _ids([]):
            return
        cursor.execute(CONCERNED + LOCK.format(where=where, busy=busy), values)
        locked = _ids(pk for (pk,) in cursor.fetchall())
        # Where all were locked, they are those concerned: not looked for again.
        concerned = CONCERNED if where or busy else LOCKED
        cursor.execute(concerned + MEMBERS + NUMBERS + UPDATE, values | {"locked": locked})


def _ids(ids):
    """A PostgreSQL array as text, because psycopg2 adapts each number by itself, slowly."""
    return f"{{{','.join(map(str, ids))}}}"
