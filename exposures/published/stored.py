"""Partitions of galpublishedstars: made, filled by COPY, attached and dropped."""

import io

import pyarrow as pa
import pyarrow.csv
from django.db import OperationalError, connection, transaction

from exposures.errors import GalprojectError
from exposures.models import GalPublishedCatalogue

DROP_LOCK_SECONDS = 10
TABLE = "galpublishedstars"
# What tables that only add to stars have of a row.
ADDED = ("var_class", "period", "amplitude", "mag", "mag_err")
BY_BAND = ("mags", "mag_errs")
JOINED = ("name", *ADDED, *BY_BAND, "extras")
# Of each band what the star itself has, else what is added.
MERGED = """
{name} = CASE WHEN s.{name} IS NULL OR more.{name} IS NULL THEN coalesce(s.{name}, more.{name})
    ELSE ARRAY(
        SELECT coalesce(own, added)
        FROM unnest(s.{name}, more.{name}) WITH ORDINALITY AS band (own, added, place)
        ORDER BY place
    ) END"""
WORK_MEMORY = "256MB"
BUILD_MEMORY = "512MB"


def create_table(catalogue: GalPublishedCatalogue) -> None:
    """Create the empty table of a catalogue's stars, which is no partition yet.

    The CHECK spares ATTACH a scan. Indexes come when the rows are there.
    """
    first, last = catalogue.id_range
    table = catalogue.partition
    execute(f"CREATE TABLE {table} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    execute(f"ALTER TABLE {table} ADD CONSTRAINT ids CHECK (id >= {first} AND id <= {last})")
    columns = f"{', '.join(JOINED)}, 0::smallint AS place"
    execute(f"CREATE TABLE {joined_table(catalogue)} AS SELECT {columns} FROM {TABLE} WITH NO DATA")


def joined_table(catalogue: GalPublishedCatalogue) -> str:
    """The name of the table of rows that add to stars, there while a catalogue is loaded."""
    return f"{catalogue.partition}_joined"


def copy_rows(table: str, rows: pa.Table) -> None:
    """Append rows to a table by COPY; columns are named as its own, arrays and JSON are texts."""
    names = ", ".join(rows.column_names)
    stream = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(rows, stream, options)
    stream.seek(0)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)", stream, 1 << 20)


@transaction.atomic
def add_joined(catalogue: GalPublishedCatalogue, n_kinds: int) -> int:
    """Add what other tables say of stars to their rows; returns the number of rows that they have.

    Of several tables that know something the first of the definition has it.
    """
    joined = joined_table(catalogue)
    execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
    execute(f"ANALYZE {joined}")
    taken = ", ".join(
        [f"{name} = coalesce(s.{name}, more.{name})" for name in ADDED]
        + [MERGED.format(name=name) for name in BY_BAND]
    )
    for place in range(n_kinds):
        execute(
            f"UPDATE {catalogue.partition} s SET {taken},"
            " extras = nullif(coalesce(more.extras, '{}') || coalesce(s.extras, '{}'), '{}')"
            f" FROM (SELECT DISTINCT ON (name) * FROM {joined} WHERE place = {place}"
            " ORDER BY name) more WHERE s.name = more.name"
        )
    n_rows = fetch_number(f"SELECT count(*) FROM {joined}")
    execute(f"TRUNCATE {joined}")
    return n_rows


@transaction.atomic
def remove_repeated(catalogue: GalPublishedCatalogue) -> tuple[int, int]:
    """Remove rows that are there twice; returns how many, and how many others share a name.

    Files of parts of the sky that overlap have stars in common.
    """
    table = catalogue.partition
    execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
    repeated = (
        f"SELECT name, min(id) AS first, count(*) AS n FROM {table} WHERE name IS NOT NULL"
        " GROUP BY name HAVING count(*) > 1"
    )
    found = f"repeated_{catalogue.pk}"
    execute(f"CREATE TEMPORARY TABLE {found} ON COMMIT DROP AS {repeated}")
    n_repeated = fetch_number(f"SELECT coalesce(sum(n - 1), 0) FROM {found}")
    if n_repeated == 0:
        return 0, 0
    n_removed = execute(
        f"DELETE FROM {table} s USING {found} f, {table} kept"
        " WHERE s.name = f.name AND kept.id = f.first AND s.id > kept.id"
        " AND s.ra = kept.ra AND s.dec = kept.dec"
    )
    return n_removed, n_repeated - n_removed


def index_rows(catalogue: GalPublishedCatalogue, is_scattered: bool) -> None:
    """Build the indexes that ATTACH takes over; scattered rows are put in the order of the sky."""
    table = catalogue.partition
    with transaction.atomic():
        execute(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'")
        execute(f"DROP INDEX IF EXISTS {table}_q3c")
        execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_pkey")
        execute(f"CREATE INDEX {table}_q3c ON {table} (q3c_ang2ipix(ra, dec))")
        if is_scattered:
            execute(f"CLUSTER {table} USING {table}_q3c")
        execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)")
        execute(f"ANALYZE {table}")


def attach(catalogue: GalPublishedCatalogue) -> None:
    """Make a catalogue's table a partition of galpublishedstars."""
    first, last = catalogue.id_range
    table = catalogue.partition
    execute(
        f"ALTER TABLE {TABLE} ATTACH PARTITION {table} FOR VALUES FROM ({first}) TO ({last + 1})"
    )
    execute(f"ALTER TABLE {table} DROP CONSTRAINT ids")


def lock_published(catalogue: GalPublishedCatalogue) -> bool:
    """Lock a published catalogue against being dropped in this transaction; false if it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM galpublishedcatalogues WHERE id = %s AND in_use FOR KEY SHARE",
            [catalogue.pk],
        )
        return bool(cursor.rowcount == 1)


@transaction.atomic
def drop_catalogue(
    catalogue: GalPublishedCatalogue, lock_seconds: float = DROP_LOCK_SECONDS
) -> None:
    """Delete a published catalogue with its stars and all that hangs on it.

    Dropping a partition locks all of galpublishedstars for some milliseconds, and waits for those
    who read it: no longer than ``lock_seconds``. Raises GalprojectError if they read on.
    """
    execute(f"SET LOCAL lock_timeout = '{lock_seconds}s'")
    try:
        with transaction.atomic():
            # First, as who reads a partition by its name has this row until then.
            execute(f"SELECT FROM galpublishedcatalogues WHERE id = {catalogue.pk:d} FOR UPDATE")
            execute(f"DROP TABLE IF EXISTS {catalogue.partition}, {joined_table(catalogue)}")
    except OperationalError as error:
        raise GalprojectError(
            f"{catalogue} can't be dropped, as a long query reads galpublishedstars: {error}"
            "Try again when it has ended"
        ) from error
    execute("SET LOCAL lock_timeout TO DEFAULT")
    catalogue.delete()


def execute(statement: str) -> int:
    """Execute a statement; returns how many rows it was about."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def fetch_number(query: str) -> int:
    """The number that a query gives."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
