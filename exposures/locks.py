"""All advisory locks: their kinds, and claims on chips and jobs, gone with whoever holds them.

PostgreSQL knows advisory locks by nothing but two numbers, of which the first is here the kind: all
kinds are in one enumeration, and every lock is taken by a function of this module. Locks of one
database are nothing to those of another on the same server.

A claim is an advisory lock of the database session. A process that is killed, a host that is
switched off, a server that is restarted: each ends the session, and with it the claim. So nothing
has to be cleaned up, no heartbeat can be late, and who has lost the claim can't write either. A
session must be one connection for as long as it lasts: no pooling by transaction or statement.
"""

from contextlib import ExitStack, contextmanager, nullcontext, suppress
from enum import IntEnum, unique

from django.db import InterfaceError, OperationalError, connection
from django.db.transaction import TransactionManagementError

from exposures.errors import GalprojectError


class ClaimLostError(GalprojectError):
    """The session that held a claim has ended, and somebody else may hold it by now."""


# Among pg_locks: advisory locks with two keys; those with one have a space of their own.
OF_KIND = "locktype = 'advisory' AND objsubid = 2 AND classid = %s"

# In one order everywhere, so that nobody waits for each other: that of the list.
LOCK = "SELECT pg_advisory_lock(%s, pk) FROM unnest(%s::int[]) AS pk"
RELEASE = "SELECT pg_advisory_unlock(%s, pk) FROM unnest(%s::int[]) AS pk"
# Of locks that were waited for until something happened, those that are there.
RELEASE_HELD = f"""
SELECT pg_advisory_unlock(classid::int, objid::int) FROM pg_locks
WHERE {OF_KIND} AND objid = ANY(%s::int[]::oid[]) AND granted AND pid = pg_backend_pid()
"""


@unique
class Claimed(IntEnum):
    """What can be claimed or locked; the first key of its advisory lock.

    The second key says which one: the id of what is named here.
    """

    CHIP = 0x6A10001  # an image: processed, changed or removed
    JOB = 0x6A10002  # worked on by the process that asked for it
    PICTURES = 0x6A10003  # cutouts of a catalogue's candidates, drawn
    PROPOSALS = 0x6A10004  # of flags, added; there is one such lock, 0
    PARTITION = 0x6A10005  # of galsources, rewritten; by its catalogue
    VARIABILITY = 0x6A10008  # of a catalogue's sources, measured
    PERIODS = 0x6A10009  # of a catalogue's stars, found
    MATCHES = 0x6A1000A  # of a catalogue's sources with published stars, found
    ZERO_POINTS = 0x6A1000B  # of a filter by a published catalogue, fitted; by their digest
    TRAINING = 0x6A1000C  # of a model on votes; there is one such lock, 0
    SCORES = 0x6A1000D  # of a catalogue's candidates, by a model
    ENTRY = 0x6A10006  # of exposures of one camera, by a digest of its name
    CANDIDATES = 0x6A10010  # of a catalogue, brought up to date
    NEW_SOURCES = 0x6A10011  # of a catalogue, made
    REFERENCES = (
        0x6A10007  # of all images in one filter, chosen and withdrawn; by its name's digest
    )
    CROSS_MATCH = 0x6A10020  # of the sources on a reference image with those of other filters
    PUBLISHED = 0x6A10040  # a catalogue that others published, loaded; by its name's digest
    COUNTS = 0x6A10050  # kept by triggers, put together; 1 of images, 2 of candidates
    NEWS = 0x6A10051  # told: 0 of watched searches, 1 of nights
    INJECTION = 0x6A10030  # a numbered database beside the survey's, used by one run


def take(kind: Claimed, pk: int, cursor=None) -> bool:
    """Take a claim for as long as this session lasts; false where another session has it.

    ``cursor`` is of another session than Django's, whose claim it is then.
    """
    # The second key of a lock is a 32-bit integer.
    return _query("SELECT pg_try_advisory_lock(%s, %s)", kind, pk, cursor)


def release(kind: Claimed, pk: int):
    """Give a claim back."""
    # A session that is gone took the claim with it.
    with suppress(InterfaceError, OperationalError):
        _query("SELECT pg_advisory_unlock(%s, %s)", kind, pk)


@contextmanager
def claim(kind: Claimed, pk: int):
    """Hold a claim while the block runs; yields whether it was free to be had."""
    is_claimed = take(kind, pk)
    try:
        yield is_claimed
    finally:
        if is_claimed:
            release(kind, pk)


@contextmanager
def locked(kind: Claimed, pks):
    """Hold session locks while the block runs, having waited for whoever has one of them."""
    pks = sorted({int(pk) for pk in pks})
    with ExitStack() as interrupted:
        interrupted.callback(_of_all, RELEASE_HELD, kind, pks)
        _of_all(LOCK, kind, pks)
        interrupted.pop_all()
    try:
        yield
    finally:
        # A session that is gone took the locks with it.
        with suppress(InterfaceError, OperationalError):
            _of_all(RELEASE, kind, pks)


def lock_to_end(kind: Claimed, pks):
    """Wait for locks that this transaction then has to its end.

    Raises TransactionManagementError outside of a transaction, where they would hold nothing.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"a lock on {kind.name} is of no use here")
    for pk in sorted(set(pks)):
        _query("SELECT pg_advisory_xact_lock(%s, %s)", kind, pk)


def check_claimed(kind: Claimed, pk: int):
    """Raise ClaimLostError unless this session holds the claim; before something is stored."""
    own = f"{OF_KIND} AND objid = %s AND pid = pg_backend_pid()"
    if not _query(f"SELECT EXISTS (SELECT FROM pg_locks WHERE {own})", kind, pk):
        raise ClaimLostError(
            f"the claim on {kind.name.lower()} {pk} was lost with its database session. "
            "Run it again (--failed)"
        )


def claimed(kind: Claimed) -> set[int]:
    """What is claimed now, by whatever session of this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT objid::bigint FROM pg_locks WHERE {OF_KIND} AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [int(kind)],
        )
        return {pk for (pk,) in cursor.fetchall()}


def _of_all(query, kind, pks):
    with connection.cursor() as cursor:
        cursor.execute(query, [int(Claimed(kind)), pks])


def _query(query, kind, pk, cursor=None):
    with connection.cursor() if cursor is None else nullcontext(cursor) as in_use:
        in_use.execute(query, [int(Claimed(kind)), int(pk)])
        return in_use.fetchone()[0]
