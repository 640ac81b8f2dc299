"""The making of a backup, under a hidden name until it is complete and checked."""

import fcntl
import glob
import os
import shutil
import tarfile
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from django.conf import settings

from exposures.archive.partial import free_bytes, size_text
from exposures.errors import GalprojectError
from galproject.backup import manifest as manifests
from galproject.backup.manifest import DATABASE, KEY, OPTIONS, PICTURES, Manifest
from galproject.backup.programs import programs_for, run_program
from galproject.backup.sessions import (
    explained_server_errors,
    one_value,
    parameters_of,
    session,
    tables_in,
)
from galproject.processing.version import RESULTS_VERSION, VERSION, code_version

COMPRESSION = 1  # of gzip: three times as fast as its default, for a tenth more room
# Of the bytes of the tables without indices, about what a dump of them takes.
DUMPED_FRACTION = 0.6
DUMPED = "dumping contents of table"  # what pg_dump says of each
TABLE_BYTES = "SELECT sum(pg_table_size(format('public.%%s', name)::regclass)) FROM unnest(%s) name"
LOCK_ATTEMPTS = 5  # while partitions are dropped
EXPOSURE_FOLDERS = """
SELECT regexp_replace(path, '/[^/]*$', ''), count(*) FROM galimages
WHERE starts_with(path, '/') GROUP BY 1 ORDER BY 1
"""
CATALOGUES = """
SELECT DISTINCT options ->> 'catalogue' FROM galoptionsets
WHERE options ->> 'catalogue' <> '' AND hash IN (SELECT option_set_id FROM galimages)
ORDER BY 1
"""
# Of published catalogues, the partitions of stars, which the files give again.
PUBLISHED_STARS = "galpublishedstars_"
PUBLISHED = "SELECT name || ' ' || version FROM galpublishedcatalogues ORDER BY id"


@dataclass(frozen=True)
class BackupOptions:
    """Options of a backup."""

    jobs: int = 2  # tables that are dumped at once, from 1 to 64
    with_pictures: bool = True  # which can be rendered again
    with_key: bool = True  # that signs sessions and messages of the queue
    with_published: bool = False  # stars of published catalogues, which can be loaded again


@explained_server_errors()
def make_backup(folder: Path, options: BackupOptions, progress) -> Manifest:
    """Back the survey up to a new ``folder``, even while others work.

    All tables are as they were at one moment. ``progress(what, total, unit)`` gives a bar with
    ``update(n)``. Raises GalprojectError; then nothing is left.
    """
    folder = Path(folder).absolute()
    _check_is_new(folder)
    start = time.monotonic()
    with draft_of(folder) as draft:
        with _one_moment() as (snapshot, cursor):
            _check_room(folder.parent, cursor, options)
            facts = _facts(cursor, options)
            _dump(draft, snapshot, cursor, options, progress)
            facts["rows"] = _count_rows(snapshot, _dumped(cursor, options), progress)
            facts["rows"] |= {name: 0 for name in tables_in(cursor) if name not in facts["rows"]}
        _copy_the_rest(draft, options, progress)
        n_bytes = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
        with progress("digests", n_bytes, "B") as bar:
            files = manifests.digests_of(draft, bar)
        made = Manifest(files=files, seconds=round(time.monotonic() - start, 1), **facts)
        manifests.write_manifest(draft, made)
        _make_private(draft)
        put_in_place(draft, folder)
    return made


def _check_is_new(folder):
    if folder.exists() or folder.is_symlink():
        raise GalprojectError(f"{folder} is there already. Name a folder that isn't; it is made")
    if not folder.parent.is_dir():
        raise GalprojectError(f"{folder.parent} is no folder. Make it first")


def put_in_place(draft, folder):
    """Give a finished draft its name; raises GalprojectError where that is taken by now."""
    _check_is_new(folder)
    try:
        os.rename(draft, folder)
    except OSError:
        _check_is_new(folder)  # another made it between these lines
        raise


@contextmanager
def draft_of(folder):
    """A private draft folder beside the final one, removed unless renamed.

    Its lock tells it from those that killed runs have left, which are removed, too.
    """
    try:
        draft, lock = _begin_draft(folder)
    except OSError as error:
        raise GalprojectError(f"{folder.parent}: {error.strerror}") from error
    try:
        yield draft
    except OSError as error:
        raise GalprojectError(
            f"{error.filename or folder.parent}: {error.strerror or error}. Nothing was kept: free "
            "some room, or choose another folder"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def _begin_draft(folder):
    """A new draft of ``folder`` and the descriptor that holds its lock; removes what was left.

    A draft that is not locked yet looks like one that was left. So one run at a time begins.
    """
    start = f".{folder.name}."
    with _opened(folder.parent) as beginning:
        fcntl.flock(beginning, fcntl.LOCK_EX)
        for left in folder.parent.glob(f"{glob.escape(start)}*.part"):
            _remove_if_left(left)
        draft = Path(tempfile.mkdtemp(prefix=start, suffix=".part", dir=folder.parent))
        lock = os.open(draft, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return draft, lock


def _remove_if_left(draft):
    # Somebody writes it, or has just put it in its place or given it up.
    with suppress(BlockingIOError, FileNotFoundError), _opened(draft) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(draft)


@contextmanager
def _opened(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _one_moment():
    """The name of a snapshot, and a cursor of the transaction that holds it.

    No table can be dropped meanwhile: who wants to, waits.
    """
    with session() as held, held.cursor() as cursor:
        for attempt in range(1, LOCK_ATTEMPTS + 1):
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                _lock_tables(cursor)
                break
            except psycopg2.errors.UndefinedTable:  # a partition, between its name and its lock
                cursor.execute("ROLLBACK")
                if attempt == LOCK_ATTEMPTS:
                    raise
        # A lock needs no snapshot: the one that begins here sees all that was stored before it.
        yield one_value(cursor, "SELECT pg_export_snapshot()"), cursor


def _lock_tables(cursor):
    # Another transaction reads the names, as this one's snapshot begins with its first query.
    with session() as other, other.cursor() as reading:
        tables = tables_in(reading)
    if not tables:
        raise GalprojectError("the database has no tables: there is nothing to back up")
    cursor.execute(
        f"LOCK TABLE {', '.join(f'public.{name}' for name in tables)} IN ACCESS SHARE MODE"
    )


def _check_room(parent, cursor, options):
    """Raise GalprojectError if the disk may be too small for dump and pictures."""
    tables = _dumped(cursor, options)
    dumped = DUMPED_FRACTION * float(one_value(cursor, TABLE_BYTES, [tables]) or 0)
    pictures = 0
    if options.with_pictures:
        pictures = sum(_size(path) for path in Path(settings.GALPROJECT_PICTURES).rglob("*"))
    free = free_bytes(parent)
    if free < dumped + pictures:
        raise GalprojectError(
            f"{parent}: {size_text(free)} are free, and the backup takes about "
            f"{size_text(dumped)} for the database and {size_text(pictures)} for pictures. "
            "Free some, choose another folder, or leave the pictures out (--no-pictures)"
        )


def _size(path):
    with suppress(OSError):  # removed meanwhile
        return path.lstat().st_size
    return 0


def _dumped(cursor, options):
    """Names of the tables whose rows are in the backup."""
    if options.with_published:
        return tables_in(cursor)
    return [name for name in tables_in(cursor) if not name.startswith(PUBLISHED_STARS)]


def _facts(cursor, options):
    cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
    migrations = [list(row) for row in cursor.fetchall()]
    cursor.execute(EXPOSURE_FOLDERS)
    folders = dict(cursor.fetchall())
    cursor.execute(CATALOGUES)
    catalogues = [path for (path,) in cursor.fetchall()]
    cursor.execute(PUBLISHED)
    published = [] if options.with_published else [name for (name,) in cursor.fetchall()]
    major = cursor.connection.server_version // 10000
    return {
        "format": manifests.FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "database": cursor.connection.info.dbname,
        "catalogues": catalogues,
        "published": published,
        "database_bytes": one_value(cursor, "SELECT pg_database_size(current_database())"),
        "version": VERSION,
        "code_version": code_version(),
        "results_version": RESULTS_VERSION,
        "postgresql": major,
        "dumped_by": programs_for(major).major,
        "q3c": one_value(cursor, "SELECT extversion FROM pg_extension WHERE extname = 'q3c'"),
        "migrations": migrations,
        "folders": folders,
    }


def _dump(draft, snapshot, cursor, options, progress):
    words = (
        *("pg_dump", "--format=directory", f"--jobs={options.jobs}", f"--compress={COMPRESSION}"),
        *(f"--snapshot={snapshot}", "--no-owner", "--no-privileges", "--no-comments", "--verbose"),
        f"--file={draft / DATABASE}",
    )
    if not options.with_published:
        words += (f"--exclude-table-data=public.{PUBLISHED_STARS}*",)
    programs = programs_for(cursor.connection.server_version // 10000)
    with progress("tables", len(tables_in(cursor)), "table") as bar:
        run_program(programs, words, parameters_of(), DUMPED, lambda: bar.update(1))


def _count_rows(snapshot, tables, progress):
    """Count each table's rows in the snapshot, in transactions of their own to hold few locks."""
    rows = {}
    with (
        session() as counting,
        counting.cursor() as cursor,
        progress("rows", len(tables), "table") as bar,
    ):
        for name in tables:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
            rows[name] = one_value(cursor, f"SELECT count(*) FROM public.{name}")
            cursor.execute("COMMIT")
            bar.update(1)
    return rows


def _copy_the_rest(draft, options, progress):
    """Copy pictures, options and key to the draft."""
    if options.with_pictures:
        _pack_pictures(draft / PICTURES, Path(settings.GALPROJECT_PICTURES), progress)
    if settings.GALPROJECT_OPTIONS:
        shutil.copyfile(settings.GALPROJECT_OPTIONS, draft / OPTIONS)
    if options.with_key:
        (draft / KEY).touch(mode=0o600)
        (draft / KEY).write_text(settings.SECRET_KEY)


def _pack_pictures(target, folder, progress):
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with tarfile.open(target, "w") as pack, progress("pictures", len(paths), "picture") as bar:
        for path in paths:
            with suppress(FileNotFoundError):  # one that was drawn anew meanwhile
                pack.add(path, path.relative_to(folder).as_posix(), recursive=False)
            bar.update(1)


def _make_private(draft):
    for path in draft.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
