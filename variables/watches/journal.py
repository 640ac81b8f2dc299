"""Candidates that changed, as they were before and as they are now, side by side."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

AT_ONCE = 5000  # candidates of a batch
BEFORE, NOW = "pg_temp.watched_before", "pg_temp.watched_now"
# Without what columns must have: a row that was kept before an upgrade lacks those that are new.
# Then in one statement, which sees one state of the database: whoever writes a candidate after that
# leaves a row that the next batch finds. All rows of a candidate, of which the first has what it
# was before all.
TAKE = f"""
CREATE TEMPORARY TABLE watched_before AS TABLE galcandidates WITH NO DATA;
CREATE TEMPORARY TABLE watched_now AS TABLE galcandidates WITH NO DATA;
CREATE TEMPORARY TABLE watched_changed (refsource_id bigint, before jsonb);
WITH chosen AS MATERIALIZED (
    SELECT DISTINCT refsource_id FROM (
        SELECT refsource_id FROM galcandidatesbefore ORDER BY id LIMIT %s
    ) AS oldest
),
taken AS (
    DELETE FROM galcandidatesbefore AS j USING chosen WHERE j.refsource_id = chosen.refsource_id
    RETURNING j.id, j.refsource_id, j.before
),
changed AS (
    INSERT INTO pg_temp.watched_changed
    SELECT DISTINCT ON (refsource_id) refsource_id, before FROM taken ORDER BY refsource_id, id
)
INSERT INTO {NOW} SELECT c.* FROM galcandidates AS c JOIN chosen USING (refsource_id);
INSERT INTO {BEFORE} SELECT b.*
FROM pg_temp.watched_changed AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::galcandidates, c.before) AS b
WHERE c.before IS NOT NULL;
"""
# A candidate of a new reference is the one that was there before, by its place and filter: by the
# index of places alone, as the one of filters has a third of all.
REPLACED = f"""
WITH n AS MATERIALIZED (
    SELECT n.refsource_id, n.catalogue_id, n.filter, n.ra, n.dec
    FROM pg_temp.watched_changed AS c JOIN {NOW} AS n USING (refsource_id) WHERE c.before IS NULL
)
INSERT INTO {BEFORE} SELECT b.* FROM n CROSS JOIN LATERAL (
    SELECT to_jsonb(o) AS row FROM (
        SELECT * FROM galcandidates AS c
        WHERE q3c_join(n.ra, n.dec, c.ra, c.dec, %s::float8 / 3600) OFFSET 0
    ) AS o
    WHERE o.filter = n.filter
        AND NOT (SELECT r.active FROM galreferences AS r WHERE r.id = o.catalogue_id)
    ORDER BY q3c_dist(n.ra, n.dec, o.ra, o.dec) LIMIT 1
) AS o
CROSS JOIN LATERAL jsonb_populate_record(NULL::galcandidates, o.row || jsonb_build_object(
    'refsource_id', n.refsource_id, 'catalogue_id', n.catalogue_id)) AS b
"""
SAME_PLACE_ARCSEC = 0.5
# What else is of the same stars: lists are by star, and one that was in a list isn't new in it. For
# each row they look for others of its star.
BESIDE = f"""
WITH beside AS MATERIALIZED (
    SELECT c.* FROM (
        SELECT DISTINCT object_id FROM {NOW} WHERE object_id IS NOT NULL
    ) AS o CROSS JOIN LATERAL (
        SELECT * FROM galcandidates WHERE object_id = o.object_id OFFSET 0
    ) AS c
    WHERE NOT EXISTS (SELECT FROM {NOW} AS n WHERE n.refsource_id = c.refsource_id)
),
before AS (INSERT INTO {BEFORE} SELECT * FROM beside)
INSERT INTO {NOW} SELECT * FROM beside;
CREATE INDEX ON {BEFORE} (object_id); CREATE INDEX ON {NOW} (object_id);
ANALYZE {BEFORE}; ANALYZE {NOW};
"""
COLUMNS = """
SELECT refsource_id, coalesce(n.object_id, -1 - refsource_id), coalesce(n.object_part, 1),
    n.refsource_id IS NOT NULL AND c.refsource_id IS NOT NULL, n.consensus_id,
    b.refsource_id IS NOT NULL, b.consensus_id,
    n.max_delta_mag, b.max_delta_mag, n.excess_mag, b.excess_mag,
    coalesce(b.object_id, -1 - refsource_id), coalesce(b.object_part, 1)
FROM pg_temp.watched_now AS n
FULL JOIN pg_temp.watched_before AS b USING (refsource_id)
LEFT JOIN pg_temp.watched_changed AS c USING (refsource_id)
"""
DROP = "DROP TABLE pg_temp.watched_before, pg_temp.watched_now, pg_temp.watched_changed"


@dataclass(frozen=True)
class ChangedCandidate:
    """A candidate that changed, or another one of its star."""

    pk: int
    object_id: int  # of its star; negative where it has none
    object_part: int
    is_changed: bool  # itself, not another one of its star; and it is still there
    class_now: int | None
    was_there: bool
    class_before: int | None
    largest_now: float | None  # change, mag
    largest_before: float | None
    excess_now: float | None  # mag
    excess_before: float | None
    object_before: int
    part_before: int

    @property
    def star(self) -> tuple[int, int]:
        """What tells its star from others."""
        return self.object_id, self.object_part

    @property
    def star_before(self) -> tuple[int, int]:
        """The same of the star that it was taken for before."""
        return self.object_before, self.part_before


class Changed:
    """The candidates of a batch, which can be asked for as they were and as they are."""

    @cached_property
    def candidates(self) -> dict[int, ChangedCandidate]:
        """All of them by id, and others of their stars."""
        with connection.cursor() as cursor:
            cursor.execute(COLUMNS)
            return {row[0]: ChangedCandidate(*row) for row in cursor.fetchall()}

    def ids_before(self, rows: QuerySet) -> set[int]:
        """Ids of those that a queryset of candidates had before they changed."""
        return _ids(rows, BEFORE)

    def ids_now(self, rows: QuerySet) -> set[int]:
        """Ids of those that a queryset of candidates has now."""
        return _ids(rows, NOW)


def _ids(rows, table):
    try:
        query, values = rows.order_by().values_list("pk").query.sql_with_params()
    except EmptyResultSet:  # of a search that none can fit, or that makes no sense any more
        return set()
    with connection.cursor() as cursor:
        # A query named like the table takes its place, in whatever part of the statement.
        cursor.execute(f"WITH galcandidates AS NOT MATERIALIZED (TABLE {table}) {query}", values)
        return {row[0] for row in cursor.fetchall()}


@contextmanager
def take_changed(n: int = AT_ONCE) -> Iterator[Changed]:
    """Take up to ``n`` candidates that changed off the journal, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [n])
        cursor.execute(REPLACED, [SAME_PLACE_ARCSEC])
        cursor.execute(BESIDE)
    yield Changed()
    with connection.cursor() as cursor:
        cursor.execute(DROP)


def amplitudes(candidates: list[ChangedCandidate], of: str) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mag before and now of the ``largest`` change or the ``excess``; NaN where unknown."""
    pairs = [(getattr(c, f"{of}_before"), getattr(c, f"{of}_now")) for c in candidates]
    before, now = np.array(pairs, float).reshape(-1, 2).T
    return before, now
