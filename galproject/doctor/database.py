"""Examinations of the database: the server, its tables, its locks, sessions, log and clock."""

import time
from contextlib import suppress
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor

from galproject.doctor.findings import fails, ok, warning
from galproject.doctor.machine import disk
from galproject.site.checks import database_has_q3c, locks_have_room
from photometry.storage.statements import fetch_row, fetch_rows

OLDEST_POSTGRESQL = 14
MANY, NEARLY_ALL = 0.8, 0.95  # of the connections that the server gives
LONG_MINUTES = 60  # that a transaction is open
WAITING_MINUTES = 5  # that somebody waits for a lock
# PostgreSQL stops to take changes when a transaction is 2,100 million transactions old.
OLD, TOO_OLD = 500e6, 1500e6
SKEW_SECONDS, FAR_SECONDS = 5, 60  # by which the clocks of hosts differ

SERVER = """
SELECT current_database(), current_setting('server_version_num')::int / 10000,
    (SELECT extversion FROM pg_extension WHERE extname = 'q3c'),
    pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), inet_server_addr() IS NOT NULL
"""
CONNECTIONS = """
SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity
WHERE backend_type = 'client backend'
"""
LONG_OPEN = """
SELECT pid, extract(epoch FROM now() - xact_start) / 60, coalesce(application_name, ''), state
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND xact_start < now() - make_interval(mins => %s)
ORDER BY xact_start LIMIT 1
"""
WAITING = """
SELECT count(*), min(pid), min((pg_blocking_pids(pid))[1]) FROM pg_locks
WHERE NOT granted AND waitstart < now() - make_interval(mins => %s)
"""
AGE = "SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()"
ARCHIVER = """
SELECT current_setting('archive_mode') <> 'off', last_failed_time > coalesce(last_archived_time,
    '-infinity'), last_failed_wal, failed_count FROM pg_stat_archiver
"""
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid LIMIT 3"
DISABLED = """
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal
LIMIT 3
"""
FOLDER = """
SELECT current_setting('data_directory')
WHERE pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
"""


@dataclass(frozen=True)
class Server:
    """What is asked of a database's server."""

    database: str
    major: int  # version of PostgreSQL
    q3c: str | None  # its version, where the extension is made
    is_read_only: bool
    is_superuser: bool  # the role of this session
    is_remote: bool  # reached by the network


def server():
    """Findings on the server: reached, of a version that will do, with q3c, for writing."""
    if errors := database_has_q3c([DEFAULT_DB_ALIAS]):
        yield from (fails("database", one.msg, one.hint or "") for one in errors)
        return
    yield server_finding(Server(*fetch_row(SERVER)))


def server_finding(server):
    """A finding on the facts of a Server."""
    q3c = f"q3c {server.q3c}" if server.q3c else "q3c to be made by migrate"
    words = f"{server.database} on PostgreSQL {server.major} with {q3c}"
    if server.major < OLDEST_POSTGRESQL:
        return fails("database", words, f"PostgreSQL {OLDEST_POSTGRESQL} or later is needed")
    if server.is_read_only:
        advice = "It is a standby, or default_transaction_read_only is on: name the primary"
        return fails("database", f"{words} takes no changes", advice)
    if server.is_superuser and server.is_remote:
        advice = "Make a role that is none (docs/deploy.md), and name it in DATABASE_URL"
        return warning("database", f"{words}, as a superuser over the network", advice)
    return ok("database", words)


def migrations():
    """A finding on migrations that are not made yet."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return ok("migrations", "all are made")
    first = plan[0][0]
    words = f"{len(plan)} are not made, {first.app_label}.{first.name} first"
    return fails("migrations", words, "Run manage.py migrate once, with workers stopped")


def locks():
    """A finding on the table of locks."""
    for one in locks_have_room([DEFAULT_DB_ALIAS]):
        return warning("locks", one.msg, one.hint)
    return ok("locks", "there is room for statements about all partitions")


def connections():
    """A finding on how many of the server's connections are in use."""
    used, most = fetch_row(CONNECTIONS)
    words = f"{used} of {most} in use"
    advice = (
        "Fewer --processes, --threads or GALPROJECT_WORKERS, or a higher max_connections; "
        "pg_stat_activity shows whose they are"
    )
    if used > NEARLY_ALL * most:
        return fails("connections", words, advice)
    return warning("connections", words, advice) if used > MANY * most else ok("connections", words)


def transactions(long_minutes=LONG_MINUTES):
    """A finding on a transaction that is open for long, while which dead rows stay."""
    rows = fetch_rows(LONG_OPEN, long_minutes)
    if not rows:
        return ok("transactions", f"none is open for {long_minutes} minutes")
    pid, minutes, program, state = rows[0]
    words = (
        f"session {pid} ({program or 'unnamed'}, {state}) has one open for {minutes:.0f} minutes"
    )
    return warning("transactions", words, f"See what it does; SELECT pg_terminate_backend({pid})")


def waiting(minutes=WAITING_MINUTES):
    """A finding on sessions that wait for a lock."""
    n, pid, blocker = fetch_row(WAITING, minutes)
    if not n:
        return ok("waiting", f"no session waits for a lock for {minutes} minutes")
    words = f"{n} wait for a lock for {minutes} minutes or more, session {pid} for {blocker}"
    return warning("waiting", words, f"See in pg_stat_activity what session {blocker} does")


def freezing():
    """A finding on the age of the oldest transaction, which autovacuum keeps low."""
    (age,) = fetch_row(AGE)
    return freezing_finding(age)


def freezing_finding(age):
    """A finding on the ``age`` of the oldest transaction, in transactions."""
    words = f"the oldest transaction is {age / 1e6:,.0f} million old"
    advice = "See why autovacuum does not run (an open transaction, a slot), then VACUUM FREEZE"
    if age > TOO_OLD:
        return fails("freezing", words, advice)
    return warning("freezing", words, advice) if age > OLD else ok("freezing", words)


def archive():
    """A finding on PostgreSQL's archive of its log, where there is one."""
    return archive_finding(*fetch_row(ARCHIVER))


def archive_finding(is_on, has_failed, last_failed, n_failed):
    """A finding on an archive that is on or not, and what it failed to copy last."""
    if not is_on:
        return ok("archive", "of PostgreSQL's log: off (archive_mode)")
    if not has_failed:
        return ok("archive", "of PostgreSQL's log: copies")
    words = f"{last_failed} could not be copied ({n_failed:,} failures): pg_wal grows"
    return fails("archive", words, "Mend archive_command or its disk; PostgreSQL's log says why")


def indexes():
    """A finding on indexes that were begun and are not used."""
    if names := [name for (name,) in fetch_rows(INVALID)]:
        words = f"not valid: {', '.join(names)}"
        return warning("indexes", words, f"REINDEX INDEX CONCURRENTLY {names[0]}")
    return ok("indexes", "all are valid")


def triggers():
    """A finding on disabled triggers, which keep the numbers of pages and the log of votes."""
    if names := [name for (name,) in fetch_rows(DISABLED)]:
        advice = f"ALTER TABLE {names[0]} ENABLE TRIGGER USER, then manage.py check_counts --mend"
        return fails("triggers", f"disabled on {', '.join(names)}", advice)
    return ok("triggers", "all are enabled")


def tables_disk():
    """A finding on the disk of the tables, where it is this machine's and known to the role."""
    for (folder,) in fetch_rows(FOLDER):
        with suppress(OSError):  # it is on another machine, or for its owner alone
            return disk("the tables", folder)
    return ok("disk", "that of the tables is not seen from here: look there, too")


def clock():
    """A finding on how far this machine's clock is from the database server's."""
    before = time.time()
    (there,) = fetch_row("SELECT extract(epoch FROM clock_timestamp())::float")
    return clock_finding(there - (before + time.time()) / 2)


def clock_finding(seconds):
    """A finding on a difference of ``seconds`` between the database's clock and this one's."""
    words = f"{abs(seconds):.1f} s from the database server's"
    advice = "Have both set by a time server: timedatectl set-ntp true"
    if abs(seconds) > FAR_SECONDS:
        return fails("clock", words, advice)
    return warning("clock", words, advice) if abs(seconds) > SKEW_SECONDS else ok("clock", words)
