"""Blocks of partitions: made with their first catalogue, dropped with their last."""

import time
from importlib import import_module
from threading import Event

import numpy as np
import pytest
from django.db import connection, transaction

from exposures.binary_copy import copy_out
from exposures.source_ids import BLOCK_BITS
from photometry.models import GalReference, GalSource
from photometry.storage import clustering, storage
from photometry.storage.columns import COLUMNS, SOURCE_DTYPE
from tests.builders.sessions import SECONDS, at_once
from tests.builders.survey_rows import make_image, make_sources

pytestmark = pytest.mark.django_db(transaction=True)

blocks_of_partitions = import_module("photometry.migrations.0027_blocks_of_partitions")
N_IN_BLOCK = 1 << BLOCK_BITS
PARENT = "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = %s::regclass"


def query(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def empty_survey():
    """galsources without partitions, which tests leave."""
    drop_partitions()
    yield
    connection.close()  # a transaction that a test ended in the midst of
    drop_partitions()


def drop_partitions():
    for name in children("galsources"):
        query(f"DROP TABLE {name}")


def children(table):
    found = query(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
        " ORDER BY length(inhrelid::regclass::text), 1",
        table,
    )
    return [name for (name,) in found]


def next_catalogue_begins_a_block(n_before=0):
    """The next catalogue is the first of a block, or comes ``n_before`` before it."""
    [(last,)] = query("SELECT nextval('galreferences_id_seq')")
    first = (last // N_IN_BLOCK + 2) * N_IN_BLOCK
    query("SELECT setval('galreferences_id_seq', %s)", first - 1 - n_before)


def make_catalogue(name, n=20):
    return storage.create_catalogue(
        make_image(name, is_reference=True), make_sources(n), {}, "test"
    )


def parent_of(table):
    [(parent,)] = query(PARENT, table)
    return parent


def test_a_catalogue_has_its_partition_in_the_block_of_its_id():
    next_catalogue_begins_a_block(n_before=1)
    last, first, second = (make_catalogue(name) for name in "abc")
    assert first.pk % N_IN_BLOCK == 0
    assert first.block == second.block != last.block
    for catalogue in (last, first, second):
        assert parent_of(catalogue.partition) == catalogue.block
        assert parent_of(catalogue.block) == "galsources"
    assert GalSource.objects.count() == 60


def test_of_two_who_bring_the_first_catalogues_of_a_block_one_makes_it(monkeypatch):
    next_catalogue_begins_a_block()
    images = [make_image(name, is_reference=True) for name in "ab"]
    loaded = storage.copy_in

    def load(*arguments):
        loaded(*arguments)
        time.sleep(0.3)  # both have their tables by then, and no block is there

    monkeypatch.setattr(storage, "copy_in", load)

    def store(image):
        return storage.create_catalogue(image, make_sources(20), {}, "test")

    catalogues = at_once(*(lambda image=image: store(image) for image in images))
    (block,) = {catalogue.block for catalogue in catalogues}
    assert children(block) == sorted(c.partition for c in catalogues)
    assert GalSource.objects.count() == 40


def test_where_the_maker_of_a_block_fails_the_next_makes_it():
    next_catalogue_begins_a_block()
    one, two = (make_image(name, is_reference=True) for name in "ab")
    is_made = Event()

    def fail():
        with transaction.atomic():
            storage.create_catalogue(one, make_sources(20), {}, "test")
            is_made.set()
            time.sleep(0.3)  # the other waits for the block by then
            transaction.set_rollback(True)

    def store():
        is_made.wait(SECONDS)
        return storage.create_catalogue(two, make_sources(20), {}, "test")

    _, catalogue = at_once(fail, store)
    assert children(catalogue.block) == [catalogue.partition]


def test_a_new_block_waits_for_no_reader_and_no_reader_for_it():
    make_catalogue("before")
    next_catalogue_begins_a_block()
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'; BEGIN; SELECT count(*) FROM galsources")
            with transaction.atomic():
                query("SELECT set_config('lock_timeout', '300ms', true)")
                make_catalogue("new")
                cursor.execute("SELECT count(*) FROM galsources")
            cursor.execute("SELECT count(*) FROM galsources; COMMIT")
    finally:
        reader.close()


def test_a_block_goes_with_its_last_catalogue_and_comes_again(empty_survey):
    next_catalogue_begins_a_block()
    one, two = (make_catalogue(name) for name in "ab")
    block = one.block
    storage.drop_catalogue(one)
    assert children("galsources") == [block]
    storage.drop_catalogue(two)
    assert children("galsources") == [] and query("SELECT to_regclass(%s)", block) == [(None,)]
    three = make_catalogue("c")
    assert children(block) == [three.partition]


def test_who_drops_from_two_blocks_and_who_reads_both_never_wait_for_each_other():
    next_catalogue_begins_a_block(n_before=1)
    one, two = (make_catalogue(name) for name in "ab")
    has_read_two, has_dropped_one = Event(), Event()

    def read():
        with transaction.atomic():
            n = n_sources_of(two)
            has_read_two.set()
            has_dropped_one.wait(0.5)  # which it can't as long as somebody reads galsources
            return n, n_sources_of(one)

    def drop():
        has_read_two.wait(SECONDS)
        with transaction.atomic():
            storage.drop_catalogue(one)
            has_dropped_one.set()
            storage.drop_catalogue(two)

    counts, _ = at_once(read, drop)
    assert counts == (20, 20)
    assert GalSource.objects.count() == 0


def n_sources_of(catalogue):
    first, last = catalogue.id_range
    [(n,)] = query(f"SELECT count(*) FROM galsources WHERE refsource_id BETWEEN {first} AND {last}")
    return n


def test_catalogues_that_come_and_go_at_once_in_several_blocks_never_lock_each_other():
    """And a reader who looks at two blocks in one transaction, in either order."""
    next_catalogue_begins_a_block(n_before=2)
    stays = [make_catalogue(name) for name in "abcd"]
    assert len({c.block for c in stays}) == 2
    goes = [make_catalogue(f"goes {k}") for k in range(4)]
    images = [make_image(f"new {k}", is_reference=True) for k in range(4)]
    next_catalogue_begins_a_block()
    counts = []

    def read(catalogues):
        for _ in range(15):
            with transaction.atomic():
                counts.extend(map(n_sources_of, catalogues))

    def drop():
        for pair in (goes[:2], goes[2:]):
            with transaction.atomic():
                for catalogue in pair:
                    storage.drop_catalogue(catalogue)

    def store():
        for image in images:
            storage.create_catalogue(image, make_sources(20), {}, "test")

    def rewrite():
        for catalogue in stays:
            clustering.rewrite(catalogue)

    at_once(lambda: read(stays), lambda: read(stays[::-1]), drop, store, rewrite)
    assert counts == [20] * 120
    assert GalReference.objects.count() == 8 and GalSource.objects.count() == 160


# What a partition is, apart from its rows, and its parent's name.
FACTS = """
SELECT c.relname, c.relacl::text, c.reloptions::text, c.relowner,
    (SELECT array_agg(x::text ORDER BY x::text)
     FROM (SELECT indexdef FROM pg_indexes WHERE tablename = c.relname) AS x),
    (SELECT array_agg((conname, pg_get_constraintdef(oid), convalidated)::text ORDER BY conname)
     FROM pg_constraint WHERE conrelid = c.oid),
    (SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid
     WHERE indrelid = c.oid)
FROM pg_class AS c WHERE c.relname ~ '^galsources_[0-9]+$' ORDER BY c.oid
"""


@pytest.fixture
def flat_survey(empty_survey):
    """Catalogues of three blocks whose partitions are those of galsources, as they were."""
    catalogues = []
    for n_before, names in ((2, "abcd"), (0, "e")):
        next_catalogue_begins_a_block(n_before)
        catalogues += [make_catalogue(name) for name in names]
    search = make_image("search", mjd=60001.0)
    sources = np.concatenate([storage.catalogue_sources(c) for c in catalogues])
    storage.replace_measurements(search, sources)
    query(f"GRANT SELECT ON {catalogues[1].partition} TO PUBLIC")
    query(f"ALTER TABLE {catalogues[2].partition} SET (autovacuum_vacuum_scale_factor = 0.05)")
    blocks_of_partitions.drop_blocks(None, Editor)
    assert children("galsources") == [c.partition for c in catalogues]
    return catalogues


class Editor:
    """As Django hands it to a migration."""

    connection = connection


def state():
    rows = copy_out(f"SELECT {COLUMNS} FROM galsources ORDER BY 1, 2", SOURCE_DTYPE)
    return rows.tobytes(), query(FACTS)


def test_the_migration_moves_partitions_into_blocks_and_changes_nothing_else(flat_survey):
    before = state()
    assert len(before[1]) == 5 and {facts[-1] for facts in before[1]} == {3}
    blocks_of_partitions.make_blocks(None, Editor)
    assert state() == before
    blocks = {c.block for c in flat_survey}
    assert set(children("galsources")) == blocks and len(blocks) == 3
    assert {parent_of(c.partition) for c in flat_survey} == blocks
    dropped, *rest = flat_survey
    storage.drop_catalogue(dropped)
    clustering.rewrite(rest[0])
    assert GalSource.objects.count() == 160


def test_a_migration_that_is_killed_goes_on_where_it_was(flat_survey, monkeypatch):
    before, made = state(), []
    original = blocks_of_partitions.make_block

    def make_one(*arguments):
        original(*arguments)
        made.append(arguments)
        if len(made) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(blocks_of_partitions, "make_block", make_one)
        blocks_of_partitions.make_blocks(None, Editor)
    connection.close()
    rows = copy_out(f"SELECT {COLUMNS} FROM galsources ORDER BY 1, 2", SOURCE_DTYPE)
    assert rows.tobytes() == before[0]
    assert len([name for name in children("galsources") if "block" in name]) == 1
    blocks_of_partitions.make_blocks(None, Editor)
    assert state() == before
    assert set(children("galsources")) == {c.block for c in flat_survey}


def test_the_migration_reads_no_partition_in_the_transaction_that_moves_it(flat_survey):
    scanned = "SELECT pg_stat_get_xact_numscans(%s::regclass)"
    catalogues = [c.pk for c in flat_survey[:2]]
    assert len({c.block for c in flat_survey[:2]}) == 1
    with connection.cursor() as cursor:
        for catalogue in catalogues:
            blocks_of_partitions.check_ids(cursor, catalogue)
        with transaction.atomic():
            block = catalogues[0] >> BLOCK_BITS
            before = [query(scanned, c.partition) for c in flat_survey[:2]]
            blocks_of_partitions.make_block(cursor, block, catalogues)
            assert [query(scanned, c.partition) for c in flat_survey[:2]] == before
