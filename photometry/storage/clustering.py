"""Clustering of galsources' partitions by key, while they are read and written.

Exposures are stored one after the other, so the rows of a light curve lie on as many pages as it
has epochs. A rewrite copies a partition in order into a table of its own, takes over what writers
store meanwhile, and puts it in the place of the partition in one transaction of milliseconds.
"""

import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from tqdm import tqdm

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from exposures.lookup import find_exposures
from photometry.models import GalReference
from photometry.storage.columns import COLUMNS
from photometry.storage.partitions import attach_partition, create_table_to_attach
from photometry.storage.statements import execute, fetch_row, fetch_rows

KEY = "refsource_id, mjd, galimage_id"
N_SAMPLED = 200  # light curves that tell of the order of a partition
N_ROWS_AT_ONCE = 1_000_000  # sorted in memory, and a step of the progress bar
MEMORY = "256MB"  # of the server, for a sort
# Everybody who comes while a lock is waited for waits behind: so not for long, but often.
LOCK_MILLISECONDS = 10
PAUSE_SECONDS = 0.5
WRITERS_SECONDS = 2
N_CHASES = 3  # attempts after which writers wait until the copy has everything
ROOM = 1.1  # times its size that the copy of a partition may take


@dataclass(frozen=True)
class PartitionOrder:
    """The order of a partition on disk, sampled by some of its light curves."""

    reference: GalReference
    n_rows: int  # as galcoverages count them
    n_bytes: int  # heap and indexes
    pages: float  # that a light curve lies on, mean
    pages_in_order: float  # that it would lie on after a rewrite

    @property
    def disorder(self) -> float:
        """Pages read for a light curve over those needed; 1 if in order."""
        return self.pages / self.pages_in_order


@dataclass(frozen=True)
class Rewrite:
    """A partition that was rewritten."""

    reference: GalReference
    before: PartitionOrder
    after: PartitionOrder
    seconds: float
    lock_ms: float  # that the swap held up readers at most, its waiting for them included
    n_attempts: int  # at the swap


Stored = set[tuple[int, int, float]]  # what a partition has: coverage, image, MJD


class _ChangedError(Exception):
    """A writer has stored something since the copy was brought up to date."""


def partitions(
    catalogue_ids: Collection[int] | None = None,
    identifiers: Collection[str] | None = None,
    filter: str | None = None,
) -> QuerySet[GalReference]:
    """Catalogues that have a partition: all, or some by id, by exposure and by filter."""
    chosen = GalReference.objects.select_related("image__exposure").order_by("pk")
    if catalogue_ids:
        chosen = chosen.filter(pk__in=catalogue_ids)
    if identifiers:
        chosen = chosen.filter(image__exposure__in=find_exposures(identifiers))
    if filter:
        chosen = chosen.filter(image__exposure__filter=filter)
    return chosen


def order_of(reference: GalReference) -> PartitionOrder:
    """Measure the order of a catalogue's partition, by the pages of ``N_SAMPLED`` light curves."""
    first = reference.id_range[0]
    ranks = np.unique(np.linspace(0, max(reference.n_sources - 1, 0), N_SAMPLED).astype(int))
    n_rows = reference.n_sources + sum(reference.coverages.values_list("n_sources", flat=True))
    table = reference.partition
    row = fetch_row(
        "SELECT count(*), count(DISTINCT (refsource_id, (ctid::text::point)[0])),"
        " count(DISTINCT refsource_id),"
        f" pg_total_relation_size('{table}'), pg_relation_size('{table}')"
        f" FROM {table} WHERE refsource_id = ANY(%s)",
        (first + ranks).tolist(),
    )
    n_sampled, n_pages, n_curves, n_bytes, heap_bytes = row
    n_epochs = n_sampled / max(n_curves, 1)
    rows_a_page = max(8192 * n_rows / max(heap_bytes, 8192), 1)
    return PartitionOrder(
        reference=reference,
        n_rows=n_rows,
        n_bytes=n_bytes,
        pages=n_pages / max(n_curves, 1),
        # Rows in a row begin anywhere on a page.
        pages_in_order=1 + max(n_epochs - 1, 0) / rows_a_page,
    )


def rewrite(
    reference: GalReference,
    timeout_seconds: float = 600.0,
    progress: tqdm | None = None,
    n_rows_at_once: int = N_ROWS_AT_ONCE,
) -> Rewrite | None:
    """Rewrite a catalogue's partition in key order; None if another process does, or it is gone.

    Readers and writers go on; see the module. ``progress`` is told of rows (``update(n)``, as
    tqdm). Whatever happens, the partition is the old one or the new one, and no other table is
    left, but by a process that was killed: the next rewrite of the catalogue removes that.
    Raises GalprojectError if there is no room, or where somebody's transaction keeps the
    partition for longer than ``timeout_seconds``.
    """
    with claim(Claimed.PARTITION, reference.pk) as is_claimed:
        if not is_claimed or not GalReference.objects.filter(pk=reference.pk).exists():
            return None
        started = time.monotonic()
        before = order_of(reference)
        remove_leftover(reference)
        check_room(before)
        try:
            steps = id_ranges_of_steps(reference, before.n_rows, n_rows_at_once)
            stored = _copy(reference, steps, progress)
            # So that not the first readers have to mark rows as visible to all.
            execute(f"VACUUM (ANALYZE) {_work_table(reference)}")
            lock_ms, n_attempts = _swap_when_possible(reference, stored, timeout_seconds)
        finally:
            remove_leftover(reference)
        after = order_of(reference)
        return Rewrite(reference, before, after, time.monotonic() - started, lock_ms, n_attempts)


def remove_leftover(reference: GalReference) -> None:
    """Remove the work table that a killed rewrite may have left."""
    if connection.is_usable():
        execute(f"DROP TABLE IF EXISTS {_work_table(reference)}, {_replaced(reference)}")


def check_room(order: PartitionOrder) -> None:
    """Raise GalprojectError unless the disk of the server has room for a copy of a partition.

    Of a server on another host, or whose folder is hidden from this account, nothing is known
    here: PostgreSQL itself then says when the disk is full, and the copy is removed.
    """
    free = free_bytes_of_server()
    needed = int(ROOM * order.n_bytes)
    if free is not None and free < needed:
        raise GalprojectError(
            f"{order.reference}: a copy of {order.reference.partition} takes {needed / 1e9:.1f} GB,"
            f" and the disk of PostgreSQL has {free / 1e9:.1f} GB free. Make room, or leave it out"
        )


def free_bytes_of_server() -> int | None:
    """Free bytes on the disk of the server's data; None if that can't be told."""
    if (connection.settings_dict["HOST"] or "/")[0] != "/":
        return None
    try:
        (folder,) = fetch_row("SELECT current_setting('data_directory')")
        return shutil.disk_usage(folder).free
    except (OSError, OperationalError):
        return None


def _work_table(reference: GalReference) -> str:
    return f"{reference.partition}_in_order"


def _replaced(reference: GalReference) -> str:
    return f"{reference.partition}_replaced"


def _copy(reference: GalReference, steps: list[tuple[int, int]], progress: tqdm | None) -> Stored:
    """Build the ordered copy with indexes; returns its contents as ``_stored`` does."""
    work = _work_table(reference)
    with _snapshot():
        stored = _stored(reference)
        _create_work_table(reference)
        for first, last in steps:
            n = execute(
                f"INSERT INTO {work} SELECT {COLUMNS} FROM {reference.partition}"
                f" WHERE refsource_id BETWEEN {first} AND {last} ORDER BY {KEY}"
            )
            if progress is not None:
                progress.update(n)
        _execute_each(_INDEXES, reference)
    return stored


def _create_work_table(reference: GalReference) -> None:
    """Create the empty copy with the partition's columns, owner, settings and privileges."""
    create_table_to_attach(reference, _work_table(reference), "INCLUDING ALL EXCLUDING INDEXES")
    _execute_each(_SETTINGS, reference)


def _execute_each(query: str, reference: GalReference) -> None:
    """Execute the statements that a query makes for the copy of a partition."""
    with connection.cursor() as cursor:
        cursor.execute(query, {"work": _work_table(reference), "table": reference.partition})
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


# Statements that make the copy what the partition is. An index's name belongs to its table;
# everything from USING on is alike.
_INDEXES = """
SELECT format('CREATE INDEX ON %%I %%s', %(work)s::text,
    substring(pg_get_indexdef(indexrelid) FROM 'USING .*'))
FROM pg_index WHERE indrelid = %(table)s::regclass ORDER BY indexrelid
"""
_SETTINGS = """
WITH partition AS (SELECT * FROM pg_class WHERE oid = %(table)s::regclass)
SELECT format('ALTER TABLE %%I OWNER TO %%s', %(work)s::text, relowner::regrole) FROM partition
UNION ALL
SELECT format('ALTER TABLE %%I SET (%%s)', %(work)s::text, array_to_string(reloptions, ', '))
FROM partition WHERE reloptions IS NOT NULL
UNION ALL
SELECT format('ALTER TABLE %%I SET TABLESPACE %%I', %(work)s::text, spcname)
FROM partition JOIN pg_tablespace ON pg_tablespace.oid = reltablespace
UNION ALL
SELECT format('GRANT %%s ON %%I TO %%s%%s', privilege_type, %(work)s::text,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM partition CROSS JOIN LATERAL aclexplode(relacl) WHERE grantee <> relowner
"""


def id_ranges_of_steps(
    reference: GalReference, n_rows: int, n_rows_at_once: int = N_ROWS_AT_ONCE
) -> list[tuple[int, int]]:
    """First and last ids of steps of about ``n_rows_at_once`` of the rows of a partition.

    Each epoch is in order by itself, so the rows of a step are on few pages of each.
    """
    first, last = reference.id_range
    n_steps = max(1, round(n_rows / n_rows_at_once))
    bounds = first + np.linspace(0, max(reference.n_sources, 1), n_steps + 1).astype(int)
    bounds[-1] = last + 1
    return [(int(a), int(b) - 1) for a, b in pairwise(bounds)]


def _swap_when_possible(
    reference: GalReference, stored: Stored, timeout_seconds: float
) -> tuple[float, int]:
    """Copy what was stored meanwhile and swap, repeating until it succeeds.

    The longest time, in ms, that a swap can have held up readers, and how many were tried.
    """
    end = time.monotonic() + timeout_seconds
    longest_ms, n_attempts = 0.0, 0
    while True:
        n_attempts += 1
        stored = _catch_up(reference, stored)
        _wait_for_older_snapshots(reference, end)
        try:
            locked = _swap(reference, stored, is_last_word=n_attempts >= N_CHASES)
            return max(longest_ms, 1e3 * (time.monotonic() - locked)), n_attempts
        except _ChangedError:
            continue
        except OperationalError as error:
            longest_ms = 2.0 * LOCK_MILLISECONDS  # of two tables
            if time.monotonic() > end:
                raise _busy(reference) from error
        time.sleep(PAUSE_SECONDS)


def _catch_up(reference: GalReference, stored: Stored) -> Stored:
    """Bring the copy up to date with the partition; returns its contents."""
    with _snapshot():
        now = _stored(reference)
        _take_over(reference, stored, now)
    return now


def _take_over(reference: GalReference, stored: Stored, now: Stored) -> None:
    """Apply the difference between two states of a partition to its copy.

    Each load of an image makes new rows of galcoverages, in its own transaction, so they tell
    what is new; and what has another MJD. With them sources may come that are new since the
    reference, or go, on any image. What comes late lies at the end of the copy.
    """
    if now == stored:
        return
    work, last = _work_table(reference), reference.reference_id_range[1]
    removed = [image for _, image, _ in stored - now]
    added = [image for _, image, _ in now - stored]
    execute(f"DELETE FROM {work} WHERE refsource_id > {last} OR galimage_id = ANY(%s)", removed)
    execute(
        f"INSERT INTO {work} SELECT {COLUMNS} FROM {reference.partition}"
        f" WHERE refsource_id > {last} OR galimage_id = ANY(%s) ORDER BY {KEY}",
        added,
    )


def _stored(reference: GalReference) -> Stored:
    """The contents of a partition as (id in galcoverages, or 0 for its reference, image, MJD)."""
    own = GalReference.objects.filter(pk=reference.pk).values_list("image_id", "mjd")
    return {(0, *row) for row in own}.union(
        reference.coverages.values_list("pk", "image_id", "mjd")
    )


def _wait_for_older_snapshots(reference: GalReference, end: float) -> None:
    """Wait for statements, and transactions with one snapshot, that began before the copy ended.

    They could come upon the copy after the swap, and see nothing of it or not all.
    """
    (own,) = fetch_row("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    while True:
        (n_older,) = fetch_row(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " AND age(backend_xmin) > age((%s::numeric %% 4294967296)::text::xid)",
            own,
        )
        if not n_older:
            return
        if time.monotonic() > end:
            raise _busy(reference)
        time.sleep(0.02)


def _swap(reference: GalReference, stored: Stored, is_last_word: bool) -> float:
    """Replace the partition by the copy; returns when readers were locked out.

    The partition is left to be dropped when nobody waits, as its gigabytes take time to go.
    Raises OperationalError if somebody keeps a lock, and _ChangedError where the copy lacks
    something; for the last word that is copied while writers wait. A reader whose statement is
    older then may miss it, as if it had come a moment earlier.
    """
    old, work = reference.partition, _work_table(reference)
    with transaction.atomic(durable=True):
        # Writers wait from here on, readers do not; what they stored is committed.
        execute(f"SET LOCAL lock_timeout = '{WRITERS_SECONDS}s'")
        execute(f"LOCK TABLE ONLY {old} IN SHARE MODE")
        now = _stored(reference)
        if now != stored and not is_last_word:
            raise _ChangedError
        _take_over(reference, stored, now)
        execute(f"SET LOCAL lock_timeout = '{LOCK_MILLISECONDS}ms'")
        locked = time.monotonic()
        execute(f"LOCK TABLE ONLY {reference.block}, ONLY {old} IN ACCESS EXCLUSIVE MODE")
        names = _index_names(old)
        execute(f"ALTER TABLE {reference.block} DETACH PARTITION {old}")
        execute(f"ALTER TABLE {old} RENAME TO {_replaced(reference)}")
        for name in names.values():
            execute(f"ALTER INDEX {name} RENAME TO {name}_replaced")
        execute(f"ALTER TABLE {work} RENAME TO {old}")
        for definition, name in _index_names(old).items():
            execute(f"ALTER INDEX {name} RENAME TO {names[definition]}")
        attach_partition(reference)
    return locked


def _index_names(table: str) -> dict[str, str]:
    """{what an index is of: its name} for the indexes of a table."""
    return dict(
        fetch_rows(
            "SELECT substring(pg_get_indexdef(indexrelid) FROM 'USING .*'),"
            " indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass",
            table,
        )
    )


def _busy(reference: GalReference) -> GalprojectError:
    return GalprojectError(
        f"{reference}: {reference.partition} was not rewritten, as a long query or an open "
        "transaction reads it. Try again when that has ended, or give it longer (--timeout)"
    )


@contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction in which all statements see one snapshot."""
    with transaction.atomic(durable=True):
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        execute(f"SET LOCAL work_mem = '{MEMORY}'")
        execute(f"SET LOCAL maintenance_work_mem = '{MEMORY}'")
        yield
