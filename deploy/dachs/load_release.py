#!/usr/bin/env python3
"""Fill the tables of a TAP service from a release of the survey.

load_release.py RELEASE [--database DSN] [--owner ROLE]; RELEASE is a folder releases/NAME that
manage.py export_catalogue froze. Tables and columns are those of q.rd, beside this file; those
that are there are replaced, all at once. Takes pyarrow and psycopg2, as the project's .venv has
them, and a role of PostgreSQL that may create schemas and become the owner.
"""

import argparse
import io
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from psycopg2 import sql

DESCRIPTOR = Path(__file__).with_name("q.rd")
# What each row of a table is nested in, in the files of sources.
NESTED = {"epochs": "lightcurve", "nondetections": "nondetections"}
KEY = "source_id"
ROWS_AT_ONCE = 20_000  # sources whose light curves are in memory at once


@dataclass(frozen=True)
class TapTable:
    """A table of the descriptor."""

    name: str
    columns: dict[str, str]  # name: type of PostgreSQL

    @property
    def nested_in(self):
        """The column of the sources' files that its rows are in; None: they are the sources."""
        return NESTED.get(self.name)


def read_descriptor(path=DESCRIPTOR) -> tuple[str, list[TapTable]]:
    """The schema of a descriptor, and its tables."""
    root = ET.parse(path).getroot()
    tables = [
        TapTable(one.get("id"), {c.get("name"): c.get("type") for c in one.findall("column")})
        for one in root.findall("table")
    ]
    return root.get("schema"), tables


def source_files(release) -> list[Path]:
    """The files of a release's sources, without its margin caches."""
    properties = dict(
        line.split("=", 1)
        for line in (release / "collection.properties").read_text().splitlines()
        if "=" in line
    )
    primary = release / properties["hats_primary_table_url"]
    return sorted(primary.glob("dataset/Norder=*/Dir=*/Npix=*.parquet"))


def rows_of(table, batch) -> pa.Table:
    """The rows of a table that a batch of sources has."""
    if table.nested_in is None:
        return pa.table({name: batch.column(name) for name in table.columns})
    nested = batch.column(table.nested_in)
    lists = {name: nested.field(name) for name in table.columns if name != KEY}
    parents = pc.list_parent_indices(next(iter(lists.values())))
    flat = {name: pc.list_flatten(own) for name, own in lists.items()}
    return pa.table({KEY: batch.column(KEY).take(parents), **flat})


def copy_rows(cursor, schema, table, rows):
    """Append rows to a table."""
    text = io.BytesIO()
    pa_csv.write_csv(rows, text, pa_csv.WriteOptions(include_header=False))
    text.seek(0)
    name = sql.Identifier(schema, table.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, columns)
    cursor.copy_expert(copy.as_string(cursor), text)


def make_table(cursor, schema, table):
    """Make a table anew, without rows."""
    name = sql.Identifier(schema, table.name)
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in table.columns.items()
    )
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(name))
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))


def load(release, connection, owner) -> dict[str, int]:
    """Replace the tables by what a release has, in one transaction; {table: rows}."""
    schema, tables = read_descriptor()
    n_rows = dict.fromkeys((table.name for table in tables), 0)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(owner)))
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        for table in tables:
            make_table(cursor, schema, table)
        of_sources = [table for table in tables if table.name != "images"]
        images = [table for table in tables if table.name == "images"]
        files = [(of_sources, path) for path in source_files(release)]
        for own, path in [*files, (images, release / "images.parquet")]:
            for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE):
                for table in own:
                    rows = rows_of(table, batch)
                    copy_rows(cursor, schema, table, rows)
                    n_rows[table.name] += len(rows)
    return n_rows


def main():
    """Load the release that the command line names, and say how many rows there are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--database", default="dbname=gavo", help="in the words of libpq")
    parser.add_argument("--owner", default="gavoadmin", help="role of DaCHS that owns the tables")
    asked = parser.parse_args()
    if not (asked.release / "manifest.json").is_file():
        sys.exit(f"{asked.release}: no release. Give a folder of releases/ of an export")
    connection = psycopg2.connect(asked.database)
    try:
        for name, n in load(asked.release, connection, asked.owner).items():
            print(f"{name}: {n:,} rows")
    finally:
        connection.close()


if __name__ == "__main__":
    main()
