"""The filling of an empty, migrated database with a made-up survey."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, transaction
from django.db.models import NOT_PROVIDED

from benchmarks.survey_rows import changes, images, layout, partitions, people, sources
from exposures.kept_counts import OF_IMAGES
from variables.derived.counts import OF_CANDIDATES

# Of each row there are that many that a constraint or an index is cheaper made after.
LARGE = (
    *("galvarobjs", "galcandidates", "galcheckpoints", "galdecisions", "galcampaignobjects"),
    *("galobjects", "galobjectsources", "galcoverages"),
)
PARTITIONED = ("galsources", "galpublishedstars")
INDEXES = """
SELECT format('DROP INDEX %%I', c.relname), pg_get_indexdef(c.oid)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(%(tables)s::regclass[])
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
UNION ALL
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
        pg_get_constraintdef(oid))
FROM pg_constraint WHERE contype = 'u' AND conrelid = ANY(%(tables)s::regclass[])
"""
SEQUENCES = """
SELECT format('SELECT setval(%L, max(%I)) FROM %s HAVING max(%2$I) IS NOT NULL', s.oid::regclass,
    a.attname, d.refobjid::regclass)
FROM pg_class AS s JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND d.refobjid::regclass::text LIKE 'gal%'
"""
# Foreign keys hold by how rows are made, and what triggers would keep is filled in.
SESSION = """
SET session_replication_role = replica; SET synchronous_commit = off; SET work_mem = '512MB';
SET maintenance_work_mem = '512MB'; SET jit = off; SET max_parallel_workers_per_gather = 0;
SET max_parallel_maintenance_workers = 0
"""


def fill(size, say=print):
    """Fill the database with a survey of a SurveySize, as if a pipeline and people had."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
        numbers = size.numbers() | images.numbers() | people.make_people() | people.classes(cursor)
        with _models_defaults(cursor), _indexes_made_after(cursor, say):
            layout.lay_out(cursor, size)
            _run(cursor, numbers, say, images.EXPOSURES, images.STAGED_IMAGES)
            _run(cursor, numbers, say, sources.CROWDED_POSITION, sources.SOURCES)
            _run(cursor, numbers, say, images.REFERENCES)
            with ThreadPoolExecutor(1) as beside:
                logs = beside.submit(_fill_beside, numbers, say)
                _run(cursor, numbers, say, changes.CHANGES, sources.VARIABILITY, people.FLAGS)
                _run(cursor, numbers, say, changes.SUMMARIES, people.CAMPAIGNS, changes.CANDIDATES)
                _run(cursor, numbers, say, sources.OBJECTS, sources.NEW_SOURCES, images.RESULTS)
                logs.result()
            cursor.execute("SET client_min_messages = warning; DROP SCHEMA fill CASCADE")
        cursor.execute(SEQUENCES)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        cursor.execute("RESET session_replication_role")
        say("numbers that are kept")
        OF_IMAGES.mend()
        OF_CANDIDATES.mend()
        say("VACUUM ANALYZE")
        cursor.execute("VACUUM ANALYZE")


def _fill_beside(numbers, say):
    """What the server can do beside the rest; in a thread, and so by a session of its own."""
    try:
        partitions.make_partitions()
        say("partitions")
        with connection.cursor() as cursor:
            cursor.execute(SESSION)
            _run(cursor, numbers, say, images.CHECKPOINTS)
    finally:
        connection.close()


def _run(cursor, numbers, say, *groups):
    """Run groups of statements, each statement by itself."""
    for group in groups:
        for statement in filter(None, map(str.strip, group.split(";\n"))):
            started = time.monotonic()
            cursor.execute(statement, numbers)
            say(f"{time.monotonic() - started:5.1f} s  {_name(statement)}")


def _name(statement):
    lines = [line for line in statement.splitlines() if not line.startswith("--")]
    return lines[0][:60]


@contextmanager
def _models_defaults(cursor):
    """Give columns that no statement names the value that a new object of the model has."""
    given = [
        (model._meta.db_table, field.column, value)
        for model in apps.get_models()
        if model._meta.db_table.startswith("gal") and model._meta.db_table not in PARTITIONED
        for field in model._meta.concrete_fields
        if not field.null and not field.primary_key and field.db_default is NOT_PROVIDED
        if (value := field.get_db_prep_save(field.get_default(), connection)) is not None
    ]
    for table, column, value in given:
        cursor.execute(f'ALTER TABLE {table} ALTER "{column}" SET DEFAULT %s', [value])
    yield
    for table, column, _ in given:
        cursor.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')


@contextmanager
def _indexes_made_after(cursor, say):
    """Make the indexes of large tables at the end, from whole tables."""
    cursor.execute(INDEXES, {"tables": list(LARGE)})
    found = cursor.fetchall()
    for drop, _ in found:
        cursor.execute(drop)
    yield
    with ThreadPoolExecutor(2) as beside:
        for _ in beside.map(_make_index, [make for _, make in found]):
            pass
    say(f"{len(found)} indexes")


def _make_index(statement):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute(statement)
    finally:
        connection.close()


def to_stderr(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
