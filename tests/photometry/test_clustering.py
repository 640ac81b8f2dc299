"""Partitions of galsources rewritten in order, beside those who read and write them."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from exposures.binary_copy import copy_out
from exposures.errors import GalprojectError
from exposures.locks import Claimed
from photometry.models import GalSource
from photometry.storage import clustering, storage
from photometry.storage.columns import COLUMNS, SOURCE_DTYPE
from tests.builders.survey_rows import make_image, make_sources

pytestmark = pytest.mark.django_db(transaction=True)

N_SOURCES, N_EPOCHS = 2000, 12


@pytest.fixture
def catalogue():
    """A catalogue with a dozen epochs, each stored after the other."""
    image = make_image("reference", is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(N_SOURCES), {}, "test")
    for epoch in range(N_EPOCHS):
        measure(catalogue, f"search {epoch}", epoch)
    return catalogue


def measure(catalogue, name, epoch):
    """Store an epoch as a worker does; the image."""
    image = make_image(name, mjd=60001.0 + epoch)
    sources = storage.catalogue_sources(catalogue)
    sources["mag"] += 0.01 * epoch
    storage.replace_measurements(image, sources)
    return image


def query(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else None


def rows():
    """Every row of galsources, whole, in order of sources and images."""
    found = copy_out(f"SELECT {COLUMNS} FROM galsources ORDER BY 1, 2", SOURCE_DTYPE)
    return found.tobytes()


def keys_on_disk(catalogue):
    return query(f"SELECT refsource_id, galimage_id FROM {catalogue.partition} ORDER BY ctid")


def tables():
    found = query(
        "SELECT relname FROM pg_class WHERE relname LIKE 'galsources%%' AND relkind <> 'f'"
    )
    return sorted(name for (name,) in found)


@contextmanager
def session(**options):
    """Another connection's cursor."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


@contextmanager
def thread(work):
    """Run something beside the block; what it raises is raised at the end."""
    failures = []

    def run():
        try:
            work()
        except Exception as error:  # raised below, in the test
            failures.append(error)
        finally:
            connection.close()

    one = threading.Thread(target=run)
    one.start()
    try:
        yield
    finally:
        one.join(60)
    assert not failures, failures


def after_copy(monkeypatch, work):
    """Have something happen once, between the copy of a partition and the swap."""
    original = clustering._copy  # noqa: SLF001  between two steps of a rewrite

    def copy(*arguments):
        stored = original(*arguments)
        work()
        return stored

    monkeypatch.setattr(clustering, "_copy", copy)


def test_a_rewrite_leaves_the_same_rows_in_the_order_of_their_keys(catalogue):
    before, names = rows(), tables()
    assert keys_on_disk(catalogue) != sorted(keys_on_disk(catalogue))
    done = clustering.rewrite(catalogue)
    assert rows() == before
    assert keys_on_disk(catalogue) == sorted(keys_on_disk(catalogue))
    assert tables() == names
    assert done.before.pages == N_EPOCHS + 1
    assert done.before.pages_in_order == pytest.approx(done.after.pages, rel=0.1)
    assert done.after.disorder < 1.1


def test_a_rewrite_in_steps_leaves_the_same_rows(catalogue):
    before, n_rows = rows(), N_SOURCES * (N_EPOCHS + 1)
    assert len(clustering.id_ranges_of_steps(catalogue, n_rows, n_rows_at_once=3000)) == 9
    clustering.rewrite(catalogue, n_rows_at_once=3000)
    assert rows() == before
    assert keys_on_disk(catalogue) == sorted(keys_on_disk(catalogue))


def facts(catalogue):
    """What a partition is, apart from its rows: indexes, constraints, settings, privileges."""
    table = catalogue.partition
    return (
        query(
            "SELECT indexdef, inhparent::regclass::text FROM pg_indexes JOIN pg_inherits"
            " ON inhrelid = format('%%I', indexname)::regclass WHERE tablename = %s ORDER BY 1",
            table,
        ),
        query("SELECT conname, contype FROM pg_constraint WHERE conrelid = %s::regclass", table),
        query(
            "SELECT relowner, relacl::text, reloptions, pg_get_expr(relpartbound, oid)"
            " FROM pg_class WHERE oid = %s::regclass",
            table,
        ),
        query(
            "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 ORDER BY attnum",
            table,
        ),
    )


def test_indexes_constraints_settings_and_privileges_are_as_before(catalogue):
    query(f"GRANT SELECT ON {catalogue.partition} TO PUBLIC")
    query(f"ALTER TABLE {catalogue.partition} SET (autovacuum_vacuum_scale_factor = 0.05)")
    before = facts(catalogue)
    assert len(before[0]) == 3
    clustering.rewrite(catalogue)
    assert facts(catalogue) == before
    source = storage.catalogue_sources(catalogue)["refsource_id"][7]
    plan = GalSource.objects.light_curve(source).explain()
    assert f"{catalogue.partition}_refsource_id_idx" in plan
    assert query(
        "SELECT reltuples FROM pg_class WHERE oid = %s::regclass", catalogue.partition
    ) == [(N_SOURCES * (N_EPOCHS + 1),)]


def test_what_is_stored_removed_or_measured_again_meanwhile_is_taken_over(catalogue, monkeypatch):
    first, second = (c.image for c in catalogue.coverages.order_by("pk")[:2])

    def write():
        measure(catalogue, "new", 50)
        storage.delete_image_results(first)
        sources = storage.catalogue_sources(catalogue)[:100]
        storage.replace_measurements(second, sources)

    after_copy(monkeypatch, write)
    clustering.rewrite(catalogue)
    assert GalSource.objects.measured_on(second).count() == 100
    assert not GalSource.objects.filter(galimage_id=first.pk).exists()
    assert GalSource.objects.count() == N_SOURCES * N_EPOCHS + 100


def test_sources_that_come_and_go_meanwhile_on_any_image_are_taken_over(catalogue, monkeypatch):
    """As sources that are new since the reference do, with the image that brings the last of it."""
    new = catalogue.reference_id_range[1] + 1
    copied = COLUMNS.replace("refsource_id", "%s", 1)
    source = f"SELECT {copied} FROM galsources WHERE NOT is_reference AND refsource_id = %s"
    query(f"INSERT INTO galsources {source}", new, new - 1)
    again = catalogue.coverages.order_by("pk").first().image
    expected = []

    def write():
        storage.replace_measurements(again, storage.catalogue_sources(catalogue))
        measure(catalogue, "new", 50)
        query("DELETE FROM galsources WHERE refsource_id = %s", new)
        query(f"INSERT INTO galsources {source}", new + 1, new - 1)
        expected.append(rows())

    after_copy(monkeypatch, write)
    clustering.rewrite(catalogue)
    assert GalSource.objects.filter(refsource_id=new + 1).count() == N_EPOCHS + 1
    assert rows() == expected[-1]


def test_epochs_that_are_mended_meanwhile_are_taken_over(catalogue, monkeypatch):
    search = catalogue.coverages.order_by("pk").first().image
    mended = {catalogue.image: 59000.5, search: 59001.5}

    def mend():
        for image, mjd in mended.items():
            image.exposure.mjd = mjd
            image.exposure.save()

    after_copy(monkeypatch, mend)
    clustering.rewrite(catalogue)
    for image, mjd in mended.items():
        epochs = GalSource.objects.filter(galimage_id=image.pk).values_list("mjd", flat=True)
        assert list(epochs) == N_SOURCES * [mjd]
    assert GalSource.objects.count() == N_SOURCES * (N_EPOCHS + 1)


def test_readers_and_writers_beside_it_miss_nothing_and_do_not_wait(catalogue, monkeypatch):
    is_over = threading.Event()
    waits, counts, epochs = [], [], []
    curve = storage.catalogue_sources(catalogue)["refsource_id"][11]

    def read():
        while not is_over.is_set():
            began = time.monotonic()
            counts.append(GalSource.objects.light_curve(curve).count())
            waits.append(time.monotonic() - began)

    def write():
        while not is_over.is_set():
            measure(catalogue, f"beside {len(epochs)}", 20 + len(epochs))
            epochs.append(1)
            time.sleep(0.05)

    with thread(read), thread(write):
        try:
            for _ in range(3):
                assert clustering.rewrite(catalogue) is not None
        finally:
            is_over.set()
    assert len(epochs) > 2 and len(waits) > 50
    assert counts == sorted(counts) and counts[0] >= N_EPOCHS + 1
    assert GalSource.objects.count() == N_SOURCES * (N_EPOCHS + 1 + len(epochs))
    assert max(waits) < 0.5


def test_a_long_reader_makes_nobody_queue_and_is_waited_for(catalogue):
    with session() as reader, session() as another:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM galsources")
        waits = []

        def others():
            another.execute("SET lock_timeout = '200ms'")
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                began = time.monotonic()
                another.execute("SELECT count(*) FROM galsources WHERE refsource_id = 1")
                waits.append(time.monotonic() - began)
            reader.execute("COMMIT")

        with thread(others):
            done = clustering.rewrite(catalogue)
    assert done.n_attempts > 1
    assert max(waits) < 0.2
    assert done.after.disorder < 1.1


def test_a_snapshot_older_than_the_copy_is_waited_for(catalogue, monkeypatch):
    with session() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        with pytest.raises(GalprojectError, match="long query or an open transaction"):
            clustering.rewrite(catalogue, timeout_seconds=0.2)
        reader.execute("SELECT count(*) FROM galsources")
        assert reader.fetchone() == (N_SOURCES * (N_EPOCHS + 1),)
        reader.execute("COMMIT")


def test_patience_that_ends_leaves_the_partition_and_no_other_table(catalogue):
    before, names = rows(), tables()
    with session() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM galsources")
        with pytest.raises(GalprojectError, match="--timeout"):
            clustering.rewrite(catalogue, timeout_seconds=0.2)
        reader.execute("COMMIT")
    assert rows() == before and tables() == names


@pytest.mark.parametrize("step", ["_create_work_table", "_catch_up", "attach_partition"])
def test_a_crash_at_any_step_leaves_the_partition_and_no_other_table(catalogue, monkeypatch, step):
    before, names, order = rows(), tables(), keys_on_disk(catalogue)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(clustering, step, lambda *_: 1 / 0)
        clustering.rewrite(catalogue)
    assert rows() == before and tables() == names and keys_on_disk(catalogue) == order


def test_a_session_that_is_killed_leaves_the_partition_and_the_next_run_goes_on(catalogue):
    before, names, failures = rows(), tables(), []
    copy = f"{catalogue.partition}_in_order"

    def run():
        try:
            clustering.rewrite(catalogue)
        except DatabaseError as error:
            failures.append(error)

    with session() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM galsources")  # so that it can't get as far as the swap
        with thread(run):
            wait_until(lambda: copy in tables())
            query(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l"
                " JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()"
                " WHERE l.locktype = 'advisory' AND l.classid = %s",
                Claimed.PARTITION,
            )
        reader.execute("COMMIT")
    assert failures
    assert rows() == before and copy in tables()
    query(f"CREATE TABLE {catalogue.partition}_replaced ()")  # killed after its swap
    call_command("cluster_sources")
    assert rows() == before and tables() == names
    assert keys_on_disk(catalogue) == sorted(keys_on_disk(catalogue))


def wait_until(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_a_partition_that_another_process_rewrites_is_left(catalogue):
    with session() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [int(Claimed.PARTITION), catalogue.pk])
        assert clustering.rewrite(catalogue) is None


def test_a_full_disk_is_told_before_anything_is_done(catalogue, monkeypatch):
    monkeypatch.setattr(clustering, "free_bytes_of_server", lambda: 1000)
    names = tables()
    with pytest.raises(GalprojectError, match=r"galsources_\d+ takes .* GB free. Make room"):
        clustering.rewrite(catalogue)
    assert tables() == names


def test_the_free_disk_of_a_server_here_is_known(catalogue):
    assert clustering.free_bytes_of_server() > 0


def test_the_command_rewrites_what_is_in_disorder_and_only_that(catalogue, capsys):
    other = make_image("other", ra=270.0, is_reference=True, filter="g")
    storage.create_catalogue(other, make_sources(100, ra=270.0), {}, "test")
    order = keys_on_disk(catalogue)
    call_command("cluster_sources", dry_run=True)
    told = capsys.readouterr().out
    assert f"{catalogue.partition}: 26,000 rows" in told and "13.0 pages a light curve" in told
    assert "1 of 2 would be rewritten" in told
    assert keys_on_disk(catalogue) == order
    call_command("cluster_sources", filter="g")
    assert keys_on_disk(catalogue) == order
    call_command("cluster_sources", catalogue=[catalogue.pk])
    assert "1 of 1 partitions rewritten" in capsys.readouterr().out
    call_command("cluster_sources")
    assert "0 of 2 partitions rewritten; 2 were in order" in capsys.readouterr().out
    with pytest.raises(CommandError, match="there is no such exposure"):
        call_command("cluster_sources", exposure=["unknown"])


def test_order_is_measured_of_an_empty_catalogue_too():
    image = make_image("empty", is_reference=True)
    empty = storage.create_catalogue(image, make_sources(0), {}, "test")
    assert np.isfinite(clustering.order_of(empty).disorder)
    assert clustering.order_of(empty).disorder <= 1
