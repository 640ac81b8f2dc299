"""Partitions of galsources in two levels: blocks of 64 catalogues, and in each a catalogue's own.

A query that names an id then chooses among a hundred blocks and 64 partitions rather than among
thousands, and ATTACH takes as long for the thousandth as for the first. Locks are taken from the
top: galsources, the block, the partition.
"""

from exposures.source_ids import block_id_range
from photometry.models import GalReference
from photometry.storage.statements import execute, fetch_row

TABLE = "galsources"


def create_table_to_attach(reference: GalReference, table: str, like: str) -> None:
    """Create an empty table like galsources, with a CHECK that spares ATTACH a scan."""
    first, last = reference.id_range
    execute(f"CREATE TABLE {table} (LIKE {TABLE} {like})")
    execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ids"
        f" CHECK (refsource_id >= {first} AND refsource_id < {last + 1})"
    )


def make_block(reference: GalReference) -> None:
    """Make the block that a catalogue's partition belongs to, unless it is there.

    It is built as a table of its own and attached, so that readers don't wait. Who makes another
    meanwhile waits until this transaction ends, as of two that come with the first catalogues of a
    block one makes it. The caller has created a table like galsources in this transaction, which
    keeps everybody from dropping the block until the partition is in it.
    """
    block = reference.block
    if _is_there(block):
        return
    execute(f"LOCK TABLE ONLY {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")
    if _is_there(block):
        return
    first, last = block_id_range(reference.pk)
    execute(f"CREATE TABLE {block} (LIKE {TABLE} INCLUDING ALL) PARTITION BY RANGE (refsource_id)")
    execute(
        f"ALTER TABLE {TABLE} ATTACH PARTITION {block} FOR VALUES FROM ({first}) TO ({last + 1})"
    )


def attach_partition(reference: GalReference) -> None:
    """Attach a table with a catalogue's partition name and CHECK to its block, which is there."""
    table = reference.partition
    first, last = reference.id_range
    execute(
        f"ALTER TABLE {reference.block} ATTACH PARTITION {table}"
        f" FOR VALUES FROM ({first}) TO ({last + 1})"
    )
    execute(f"ALTER TABLE {table} DROP CONSTRAINT ids")


def drop_partition(reference: GalReference) -> None:
    """Drop a catalogue's partition, and its block with the last that it has.

    galsources is locked first, though PostgreSQL would lock the block alone: readers go from the
    top, and who drops from two blocks, or reads two of them, could else wait for each other.
    """
    execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
    execute(f"DROP TABLE IF EXISTS {reference.partition}")
    if _is_there(reference.block):
        (n_left,) = fetch_row(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", reference.block
        )
        if not n_left:
            execute(f"DROP TABLE {reference.block}")


def _is_there(table: str) -> bool:
    (found,) = fetch_row("SELECT to_regclass(%s) IS NOT NULL", table)
    return bool(found)
