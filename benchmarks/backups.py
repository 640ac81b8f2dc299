"""A made-up survey backed up by pg_dump and as PostgreSQL's files, and back again.

A survey (a twentieth of 2,000 exposures, or with --quick a hundredth) lies on a server of its own.
It is backed up by ``manage.py backup`` and restored by ``manage.py restore`` beside itself, then by
``pg_basebackup``, and that is started as another server. Ends with one JSON line:
``database_mb`` and ``n_partitions``; ``backup_seconds``, ``backup_mb``, ``restore_seconds``,
``base_backup_seconds``, ``base_backup_mb`` and ``base_start_seconds`` by the clock; and of either
copy whether all tables have as many rows (``restored_rows``, ``base_rows``), whether all
partitions, indexes, functions, triggers and constraints are there (``restored_parts``,
``base_parts``), and whether light curves in a cone, by q3c and by the functions of the database,
are the same (``restored_curves``, ``base_curves``).

    python benchmarks/backups.py [--quick]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")

from benchmarks.survey import SETTINGS, filled_survey  # noqa: E402

SHARE, QUICK_SHARE = 0.05, 0.01
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 1
"""
# Which things there are, and how they are defined.
PARTS = r"""
SELECT md5(string_agg(replaced, ';' ORDER BY replaced)) FROM (
    -- A dump writes casts of conditions otherwise than they were written at first.
    SELECT regexp_replace(part, '::(text|character varying)(\[\])?|[()]', '', 'g') AS replaced
    FROM (
    SELECT 'partition ' || i.inhrelid::regclass::text || ' of ' || i.inhparent::regclass::text
        || coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS part
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public'
    UNION ALL SELECT pg_get_functiondef(p.oid) FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public' AND p.prokind = 'f'
    UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger
        WHERE NOT tgisinternal
    UNION ALL SELECT conrelid::regclass::text || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid <> 0
) AS parts) AS replaced
"""
CURVES = """
SELECT count(*), md5(string_agg(s::text, ';' ORDER BY s.refsource_id, s.mjd))
FROM (SELECT ra, dec FROM galfields WHERE name = 'where most references meet') f,
    galsources_cone_measurements(f.ra, f.dec, 30, 'refsource_id, mjd, mag, mag_err')
    AS s (refsource_id bigint, mjd double precision, mag real, mag_err real)
"""


def state_of(server, database):
    """What a database holds: numbers of rows by table, its parts, and light curves in a cone."""
    tables = server.sql(TABLES, database).split()
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
    rows = sorted(server.sql(counts, database).splitlines())
    return rows, server.sql(PARTS, database), server.sql(CURVES, database)


def measure(server, folder):
    figures = {
        "database_mb": float(server.sql("SELECT pg_database_size('survey') / 1e6", "survey")),
        "n_partitions": int(
            server.sql(
                "SELECT count(*) FROM pg_partition_tree('galsources') WHERE isleaf", "survey"
            )
        ),
    }
    expected = state_of(server, "survey")
    if "\t" not in expected[2] or expected[2].startswith("0\t"):
        raise RuntimeError("the cone has no light curves to be compared")
    backup = folder / "backup"
    manage = {**os.environ, "DATABASE_URL": server.url("survey")}
    figures["backup_seconds"] = timed(run_manage, manage, "backup", backup, "--no-pictures")
    figures["backup_mb"] = megabytes(backup)
    manage["GALPROJECT_DATABASE"] = "restored"
    figures["restore_seconds"] = timed(run_manage, manage, "restore", backup)
    compare(figures, "restored", state_of(server, "restored"), expected)
    server.sql("DROP DATABASE restored")
    with base_backup(server, figures) as copy:
        compare(figures, "base", state_of(copy, "survey"), expected)
    return figures


def run_manage(environment, *words):
    command = [sys.executable, PROJECT / "manage.py", *words]
    subprocess.run(list(map(str, command)), env=environment, stdout=sys.stderr, check=True)


@contextmanager
def base_backup(server, figures):
    """A server started from a base backup of another one, while it lasts."""
    folder = Path(tempfile.mkdtemp(prefix="galproject-"))
    shutil.chown(folder, server.account.pw_uid, server.account.pw_gid)
    copy = replace(server, folder=folder)
    try:
        words = "-D", copy.data, "-d", server.url(), "-X", "stream", "-c", "fast"
        figures["base_backup_seconds"] = timed(server.run, "pg_basebackup", *words)
        figures["base_backup_mb"] = megabytes(copy.data)
        figures["base_start_seconds"] = timed(lambda: copy.start(**SETTINGS))
        yield copy
    finally:
        if (copy.data / "postmaster.pid").exists():
            copy.stop()
        shutil.rmtree(folder)


def timed(function, *arguments):
    """The seconds that a call takes by the clock."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def megabytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def compare(figures, name, found, expected):
    for what, one, other in zip(("rows", "parts", "curves"), found, expected, strict=True):
        figures[f"{name}_{what}"] = one == other


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a hundredth of the survey")
    share = QUICK_SHARE if parser.parse_args().quick else SHARE
    with filled_survey(share) as server, tempfile.TemporaryDirectory() as folder:
        figures = measure(server, Path(folder))
    print(json.dumps({k: round(v, 1) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
