"""Room in PostgreSQL's table of locks for statements about all partitions of galsources."""

from dataclasses import dataclass

from photometry.storage.statements import fetch_row

# Of a partition: a query that names no id takes 4 (the table and three indexes), TRUNCATE 5,
# DROP 7, and a migration that changes the type of a column 11.
LOCKS_A_PARTITION = 12
# Sessions and transactions that the table has max_locks_per_transaction of room for, each.
N_SHARES = """
SELECT current_setting('max_locks_per_transaction')::int,
    current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
    + current_setting('max_worker_processes')::int + current_setting('max_wal_senders')::int + 1
    + coalesce(current_setting('autovacuum_worker_slots', true),
        current_setting('autovacuum_max_workers'))::int
"""
# Reference images will have a catalogue, and so a partition, when they are measured.
N_PARTITIONS = """
SELECT count(*), (SELECT count(*) FROM galimages AS i WHERE i.is_reference
    AND NOT EXISTS (SELECT FROM galreferences AS c WHERE c.image_id = i.id))
FROM galreferences
"""


@dataclass(frozen=True)
class LockTable:
    """The table of locks that all sessions of a server share, and what galsources needs of it."""

    max_locks: int  # the setting max_locks_per_transaction
    n_shares: int
    n_partitions: int
    n_expected: int  # partitions more, of references that are not measured yet

    @property
    def n_locks(self) -> int:
        """Locks that there is room for."""
        return self.max_locks * self.n_shares

    @property
    def n_needed(self) -> int:
        """Locks that any statement about all of galsources may take."""
        return LOCKS_A_PARTITION * (self.n_partitions + self.n_expected)

    @property
    def wanted(self) -> int:
        """The max_locks_per_transaction that is enough: a power of two, as such settings are."""
        return max(64, 1 << (self.n_needed // self.n_shares).bit_length())

    @property
    def shortage(self) -> str:
        """What is too small, in words; "" where it is not."""
        if self.n_locks >= self.n_needed:
            return ""
        more = f" and will have {self.n_expected:,} more" if self.n_expected else ""
        return (
            f"PostgreSQL has room for {self.n_locks:,} locks, and galsources has "
            f"{self.n_partitions:,} partitions{more}. A statement that names no id takes up to "
            f"{LOCKS_A_PARTITION} locks of each: migrations, backups and searches by SQL may fail "
            'with "out of shared memory"'
        )

    @property
    def advice(self) -> str:
        """What to do about a shortage."""
        return (
            f"Write max_locks_per_transaction = {self.wanted} into postgresql.conf and restart "
            f"PostgreSQL (the project's own: scripts/database stop, then start)"
        )


def lock_table() -> LockTable:
    """The server's table of locks; without partitions where the survey's tables are not made."""
    (is_made,) = fetch_row("SELECT to_regclass('galreferences') IS NOT NULL")
    return LockTable(*fetch_row(N_SHARES), *(fetch_row(N_PARTITIONS) if is_made else (0, 0)))


def lock_warning() -> str:
    """A warning if the table of locks is too small for galsources, else ""."""
    table = lock_table()
    return table.shortage and f"{table.shortage}. {table.advice}"
