"""A PostgreSQL of a test's own that has the survey's tables, without migrating them once more."""

import os
import subprocess
from contextlib import contextmanager

from django.db import connection

from benchmarks.private_server import private_server
from galproject.site.database_url import url_of

MIGRATED = "migrated"  # what queue_night copies its databases from


@contextmanager
def migrated_server(template):
    """A running server with the database that nights on the queue begin with.

    It is a copy of ``template``, a migrated database of the tests' server.
    """
    with private_server() as server:
        server.sql(f"CREATE DATABASE {MIGRATED}")
        copy_tables(server, template, MIGRATED)
        yield server


def copy_tables(server, template, database="postgres", *options):
    """Give a server's database the tables and rows of one of the tests' server.

    ``options`` are those of pg_dump beside what it is always told.
    """
    dump = server.folder / "tables.sql"
    words = [server.programs / "pg_dump", "--no-owner", "--no-privileges", *options]
    with dump.open("wb") as file:
        url = url_of(connection.settings_dict | {"NAME": template})
        subprocess.run([*words, url], stdout=file, check=True)
    os.chmod(dump, 0o644)
    stop = "ON_ERROR_STOP=1"
    server.run("psql", "-X", "-q", "-v", stop, "-d", server.url(database), "-f", dump)
