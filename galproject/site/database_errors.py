"""Database errors as messages for users of pages and the API."""

from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, InternalError, OperationalError
from psycopg2 import errorcodes as codes


@dataclass(frozen=True)
class DatabaseTrouble:
    """A database error that isn't the code's fault, with its message."""

    title: str
    reason: str
    advice: str  # for whoever asked
    for_operators: str  # for whoever runs the server
    retry_seconds: int = 30

    @property
    def detail(self) -> str:
        """The complete message for programs."""
        return f"{self.title}. {self.reason} {self.advice}".strip()


AWAY = DatabaseTrouble(
    "The database does not answer",
    "Pages need it. It may be starting again.",
    "Wait a minute, then load the page again. What you sent just now is not saved.",
    "Look whether it runs (the project's own: scripts/database status) and whether DATABASE_URL "
    "names it; the server's log says more.",
    60,
)
TOO_LONG = DatabaseTrouble(
    "This takes the database too long",
    "It was ended, so that others are not kept waiting.",
    "Ask for less at once: a smaller radius, fewer filters or a shorter list. "
    "What you sent just now is not saved.",
    "The limit is GALPROJECT_PAGE_SECONDS.",
    60,
)
LOCKED = DatabaseTrouble(
    "Somebody else is changing the same at the moment",
    "A worker or another person has it in hand, and has not ended in time.",
    "Wait a minute, look at what has changed, and try again. What you sent just now is not saved.",
    "How long pages wait is GALPROJECT_PAGE_LOCK_SECONDS; pg_locks shows who holds what.",
)
COLLIDED = DatabaseTrouble(
    "Somebody else changed the same at the same moment",
    "One of the two had to give way.",
    "Look at what has changed, and try again. What you sent just now is not saved.",
    "Nothing is to be done unless it happens often.",
    5,
)
NO_CONNECTION = DatabaseTrouble(
    "The database has no connection left",
    "Too many pages, workers and other programs use it at once.",
    "Wait a moment, then load the page again. What you sent just now is not saved.",
    "Give the server fewer --processes or --threads, stop what else is connected "
    "(pg_stat_activity shows it), or raise max_connections or the role's CONNECTION LIMIT.",
)
FULL = DatabaseTrouble(
    "The database has no room",
    "It can't store or sort anything more.",
    "Tell whoever runs this server. What you sent just now is not saved.",
    "Free disk space or memory of the database's server; its log says which.",
    300,
)
READ_ONLY = DatabaseTrouble(
    "The database takes no changes at the moment",
    "It can be read, and not written to.",
    "Try again later. What you sent just now is not saved.",
    "It is a standby, or default_transaction_read_only is on.",
    300,
)

GONE = DatabaseTrouble(
    "What this is about was removed at this moment",
    "A reference's sources go all at once, with what was measured of them.",
    "Load the page again. What you sent just now is not saved.",
    "Where it lasts, the tables are of another version: manage.py migrate.",
    5,
)

BY_CODE = {
    codes.QUERY_CANCELED: TOO_LONG,
    codes.LOCK_NOT_AVAILABLE: LOCKED,
    codes.DEADLOCK_DETECTED: COLLIDED,
    codes.SERIALIZATION_FAILURE: COLLIDED,
    codes.TOO_MANY_CONNECTIONS: NO_CONNECTION,
    codes.OUT_OF_MEMORY: FULL,
    codes.DISK_FULL: FULL,
    codes.INSUFFICIENT_RESOURCES: FULL,
    codes.READ_ONLY_SQL_TRANSACTION: READ_ONLY,
    codes.UNDEFINED_TABLE: GONE,
}
# A connection that was refused has no code, only words. These are PostgreSQL's own, and those of
# poolers before it.
OF_CONNECTIONS = (
    "too many clients",
    "too many connections",
    "remaining connection slots",
    "no more connections allowed",
    "query_wait_timeout",
)
# Of a table that went between the planning of a statement and its beginning: an internal error.
OF_TABLES_GONE = ("could not open relation with oid", "cache lookup failed for relation")


def trouble_of(error) -> DatabaseTrouble | None:
    """The DatabaseTrouble of an error; None if it is the code's fault."""
    code = getattr(error.__cause__, "pgcode", None) or getattr(error, "pgcode", None)
    if code in BY_CODE:
        return BY_CODE[code]
    words = str(error).lower()
    if isinstance(error, InternalError) and any(part in words for part in OF_TABLES_GONE):
        return GONE
    if not isinstance(error, (OperationalError, InterfaceError, ImproperlyConfigured)):
        return None
    return NO_CONNECTION if any(part in words for part in OF_CONNECTIONS) else AWAY
