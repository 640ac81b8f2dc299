"""Statements about all partitions of galsources, on a server with few locks and with enough."""

import re
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, transaction

from benchmarks.private_server import private_server
from galproject.queue import cluster
from galproject.site.checks import locks_have_room
from galproject.site.database_url import database_from
from photometry.models import GalReference
from photometry.storage.lock_table import LockTable, lock_table, lock_warning
from photometry.storage.partitions import attach_partition, create_table_to_attach, make_block
from tests.builders.migrated_server import copy_tables

# So that the default of 64 is too few for some hundred partitions: sessions multiply it.
FEW_SESSIONS = {
    "max_connections": 4,
    "superuser_reserved_connections": 0,
    "max_worker_processes": 1,
    "max_wal_senders": 0,
    "autovacuum_max_workers": 1,
    "autovacuum": "off",
}
ONLY_TABLES = ("--schema-only", "--exclude-table=galsources_*")  # of pg_dump
# A SELECT takes four locks of each. PostgreSQL has memory for some 300 more than its settings say,
# now more and now less: 760 locks do fit, and 920 never.
N_PARTITIONS = 230
ALL_PARTITIONS = {
    "SELECT without an id": "SELECT count(*) FROM galsources",
    "join": "SELECT count(*) FROM galsources JOIN galvarobjs USING (refsource_id)",
    "CREATE INDEX": "CREATE INDEX of_time ON galsources (mjd)",
    "ALTER TYPE": "ALTER TABLE galsources ALTER COLUMN x TYPE double precision",
    "TRUNCATE": "TRUNCATE galsources",
    "DROP": "DROP TABLE galsources CASCADE",
}


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker):
    """A server with the survey's tables, empty but for partitions."""
    try:
        with private_server(**FEW_SESSIONS) as running:
            with django_db_blocker.unblock():
                copy_tables(running, connection.settings_dict["NAME"], "postgres", *ONLY_TABLES)
                with connected_to(running):
                    add_partitions()
            yield running
    except LookupError as reason:
        pytest.skip(str(reason))


@contextmanager
def connected_to(server):
    """The connection of this process is to another server."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(database_from(server.url(), None))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)


def add_partitions():
    catalogues = [GalReference(pk=n, image_id=n, mjd=6e4) for n in range(1, N_PARTITIONS + 1)]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # as there are no images
        GalReference.objects.bulk_create(catalogues)
        cursor.execute("RESET session_replication_role")
    for reference in catalogues:
        with transaction.atomic():
            create_table_to_attach(reference, reference.partition, "INCLUDING ALL")
            make_block(reference)
            attach_partition(reference)


def outcomes():
    return {name: outcome(statement) for name, statement in ALL_PARTITIONS.items()}


def outcome(statement):
    """What becomes of a statement, which leaves nothing: "" or the message."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
    except OperationalError as error:
        return str(error)
    return ""


def test_a_server_of_few_locks_is_told_of_and_what_it_is_told_is_enough(server, django_db_blocker):
    with django_db_blocker.unblock(), connected_to(server):
        failed = outcomes()
        for name in ("SELECT without an id", "join", "TRUNCATE", "ALTER TYPE"):
            assert "out of shared memory" in failed[name]
        (warning,) = locks_have_room(["default"])
        assert f"galsources has {N_PARTITIONS} partitions" in warning.msg
        assert lock_warning().startswith(warning.msg.rstrip("."))
        wanted = re.search(r"max_locks_per_transaction = (\d+)", warning.hint)[1]
        connection.close()
        server.stop()
        server.start(**FEW_SESSIONS, max_locks_per_transaction=wanted)
        assert outcomes() == dict.fromkeys(ALL_PARTITIONS, "")
        assert locks_have_room(["default"]) == [] and lock_warning() == ""


@pytest.mark.django_db
def test_the_project_s_own_server_has_room_for_a_survey_of_two_thousand_exposures():
    table = lock_table()
    assert table.shortage == ""
    if table.max_locks == 1024:  # the project's own, as scripts/database starts it
        assert LockTable(table.max_locks, table.n_shares, 5_952, 0).shortage == ""


@pytest.mark.parametrize("server_is_there", [True, False])
def test_workers_say_so_when_they_start_and_start_without_a_server_too(
    server_is_there, monkeypatch, caplog
):
    def warning():
        if not server_is_there:
            raise OperationalError
        return "too few locks"

    started = []
    monkeypatch.setattr(cluster, "lock_warning", warning)
    monkeypatch.setattr(cluster.Sentinel.__base__, "start", lambda self: started.append(self))
    with caplog.at_level("WARNING", logger=cluster.logger.name):
        cluster.Sentinel.__new__(cluster.Sentinel).start()
    assert len(started) == 1
    assert ("too few locks" in caplog.text) == server_is_there


def test_references_that_wait_to_be_measured_count_as_partitions():
    few = LockTable(max_locks=64, n_shares=122, n_partitions=600, n_expected=0)
    many = LockTable(max_locks=64, n_shares=122, n_partitions=600, n_expected=5_352)
    assert few.shortage == ""
    assert "600 partitions and will have 5,352 more" in many.shortage
    assert many.wanted == 1024
    assert LockTable(many.wanted, 122, 5_952, 0).shortage == ""
