"""Claims on chips and jobs: held by one process at a time, and gone with it, however it dies.

A claim is an advisory lock of the database session. A process that is killed, a host that is
switched off, a server that is restarted: each ends the session, and with it the claim. So nothing
has to be cleaned up, no heartbeat can be late, and who has lost the claim can't write either. A
session must be one connection for as long as it lasts: no pooling by transaction or statement.
"""

from contextlib import contextmanager, suppress
from enum import IntEnum

from django.db import InterfaceError, OperationalError, connection

from exposures.errors import GalprojectError


class ClaimLostError(GalprojectError):
    """The session that held a claim has ended, and somebody else may hold it by now."""


class Claimed(IntEnum):
    """What can be claimed; the first key of its advisory lock."""

    CHIP = 0x6A10001
    JOB = 0x6A10002
    PICTURES = 0x6A10003
    PARTITION = 0x6A10005  # of galsources, by its catalogue


def take(kind: Claimed, pk: int) -> bool:
    """Take a claim for as long as this session lasts; false where another session has it."""
    # The second key of a lock is a 32-bit integer.
    return _ask("SELECT pg_try_advisory_lock(%s, %s)", kind, pk)


def release(kind: Claimed, pk: int):
    """Give a claim back."""
    # A session that is gone took the claim with it.
    with suppress(InterfaceError, OperationalError):
        _ask("SELECT pg_advisory_unlock(%s, %s)", kind, pk)


@contextmanager
def claim(kind: Claimed, pk: int):
    """Hold a claim while the block runs; yields whether it was free to be had."""
    is_mine = take(kind, pk)
    try:
        yield is_mine
    finally:
        if is_mine:
            release(kind, pk)


def check_held(kind: Claimed, pk: int):
    """Raise ClaimLostError unless this session holds the claim; before something is stored."""
    own = "pid = pg_backend_pid() AND classid = %s AND objid = %s"
    if not _ask(
        f"SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND {own})", kind, pk
    ):
        raise ClaimLostError(
            f"the claim on {kind.name.lower()} {pk} was lost with its database session. "
            "Run it again (--failed)"
        )


def claimed(kind: Claimed) -> set[int]:
    """What is claimed now, by whatever session of this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [int(kind)],
        )
        return {pk for (pk,) in cursor.fetchall()}


def _ask(query, kind, pk):
    with connection.cursor() as cursor:
        cursor.execute(query, [int(kind), pk])
        return cursor.fetchone()[0]
