"""The order in which an installation is examined, and what is left where the database is away."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection, transaction

from galproject.doctor import configuration, database, machine, web, work
from galproject.doctor.findings import Finding, Severity, fails, worst

Examination = Callable[[], Finding | Iterable[Finding]]

WITHOUT_DATABASE: dict[str, Examination] = {
    "settings": configuration.checks,
    "secret key": configuration.secret_key,
    "packages": machine.packages,
    "folders": machine.folders,
    "memory": machine.memory,
    "clock": machine.clock,
    "catalogue": machine.catalogue,
    "backups": machine.backups,
    "redis": work.redis_queue,
    "mail": configuration.mail,
}
OF_SERVER: dict[str, Examination] = {
    "locks": database.locks,
    "connections": database.connections,
    "transactions": database.transactions,
    "waiting": database.waiting,
    "freezing": database.freezing,
    "archive": database.archive,
    "disk of the tables": database.tables_disk,
    "indexes": database.indexes,
    "triggers": database.triggers,
    "clock": database.clock,
    "migrations": database.migrations,
}
# What reads tables that migrations make.
OF_TABLES: dict[str, Examination] = {
    "workers": work.workers,
    "failures": work.failures,
    "pictures": work.pictures,
    "watches": work.watches,
    "people": work.people,
}
CONNECT_SECONDS = 10
LIMITS = "SET LOCAL statement_timeout = '15s'; SET LOCAL lock_timeout = '5s'"


def examine(address: str = "") -> Iterator[Finding]:
    """All findings on this installation, as they are found.

    ``address`` is that of the site, where it is to be looked at as a visitor does. What needs the
    database is left where it is away.
    """
    for look in WITHOUT_DATABASE.values():
        yield from _found(look)
    if address:
        yield from web.site(address)
    with _limited_connecting():
        yield from (server := _safely("database", database.server))
        if worst(server) is Severity.FAILS:
            yield _left(OF_SERVER | OF_TABLES, "They need the database")
            return
        for name, look in OF_SERVER.items():
            yield from (found := _within_limits(name, look))
        # Migrations are the last of these.
        if worst(found) is Severity.FAILS:
            yield _left(OF_TABLES, "They need all migrations")
            return
        for name, look in OF_TABLES.items():
            yield from _within_limits(name, look)


def _left(examinations, advice):
    return fails("not looked at", ", ".join(examinations), advice)


def _found(look):
    found = look()
    return [found] if isinstance(found, Finding) else found


def _safely(name, look):
    """Findings of an examination that asks the database, whatever that answers."""
    try:
        return list(_found(look))
    except (DatabaseError, InterfaceError, ImproperlyConfigured) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        return [fails(name, f"can't be looked at: {words}", "The database's log says more")]


def _within_limits(name, look):
    """Findings of an examination whose statements have some seconds each."""

    def limited():
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(LIMITS)
            return list(_found(look))

    return _safely(name, limited)


@contextmanager
def _limited_connecting():
    """Wait some seconds, and not minutes, for a host that does not answer."""
    options = connection.settings_dict.setdefault("OPTIONS", {})
    is_given = "connect_timeout" in options
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    try:
        yield
    finally:
        if not is_given:
            del options["connect_timeout"]
