"""Restoration of a backup into a new database that is renamed when complete."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg2
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from exposures.archive.partial import size_text
from exposures.errors import GalprojectError
from exposures.other_database import connected_to
from galproject.backup.files_beside import restore_files
from galproject.backup.manifest import DATABASE, Manifest, check_files, read_manifest
from galproject.backup.programs import programs_for, run_program
from galproject.backup.sessions import (
    explained_server_errors,
    maintenance_cursor,
    one_value,
    parameters_of,
    quoted,
    session,
    tables_in,
)

RESTORED = "finished item"  # what pg_restore says of each thing it made
LONGEST = 63  # bytes of a name in PostgreSQL
# A database with rows in one of these is not empty.
TOLD = ("galexposures", "galreferences", "galfields", "auth_user")
MOVED_PATH = """
UPDATE galimages SET path = %(new)s || substr(path, length(%(old)s) + 1)
WHERE path = %(old)s OR starts_with(path, %(old)s || '/')
"""
# Paths in JSON follow their key; those of a catalogue are the folder itself, too.
MOVED_IN_JSON = """
UPDATE {table} SET {column} = regexp_replace(
    {column}::text, %(pattern)s, '\\1' || %(new_text)s || '\\2', 'g')::jsonb
WHERE {column}::text ~ %(pattern)s
"""
JSON_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
AND data_type = 'jsonb' AND column_name = 'files'
"""
# Sets of options are known by what is in them: rows refer to those with the new paths.
MOVED_OPTIONS = """
CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
SELECT created, unused_since, hash AS former, regexp_replace(
    options::text, %(pattern)s, '\\1' || %(new_text)s || '\\2', 'g')::jsonb AS options
FROM galoptionsets WHERE options::text ~ %(pattern)s;
INSERT INTO galoptionsets (options, created, unused_since)
SELECT options, created, unused_since FROM moved ON CONFLICT DO NOTHING;
"""
MOVED_REFERENCES = """
UPDATE {table} SET option_set_id = galoptions_hash(options) FROM moved WHERE former = option_set_id
"""
LEFT_OPTIONS = """
DELETE FROM galoptionsets
WHERE hash IN (SELECT former FROM moved EXCEPT SELECT galoptions_hash(options) FROM moved)
"""
REFERRING = """
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_name = 'option_set_id'
"""


@dataclass(frozen=True)
class RestoreOptions:
    """Options of a restoration."""

    jobs: int = 2  # tables that are loaded at once, from 1 to 64
    replaced: str = ""  # the name of a database that is not empty, to be put aside
    moved: tuple = ()  # (old, new) folders of exposures and catalogues
    with_key: bool = True


@dataclass(frozen=True)
class Restored:
    """The outcome of a restoration, and what is left to do."""

    manifest: Manifest
    put_aside: str  # the name that a database which was not empty has now; "" without one
    notes: tuple[str, ...]


def checked_backup(folder: Path, progress) -> Manifest:
    """Check that a backup is complete and no newer than this code; returns its manifest.

    Raises GalprojectError.
    """
    manifest = read_manifest(folder)
    unknown = _unknown_migrations(manifest)
    if unknown:
        raise GalprojectError(
            f"{folder} was made by {manifest.code_version}, which is newer than this code: it has "
            f"{', '.join(unknown[:3])}{' ...' if len(unknown) > 3 else ''}. Update galproject "
            "first"
        )
    with progress("digests", manifest.n_bytes, "B") as bar:
        check_files(folder, manifest, bar)
    return manifest


def _unknown_migrations(manifest):
    known = set(MigrationLoader(None).disk_migrations)
    ours = {app for app, _ in known}
    # Of applications that this version has no more, nothing can be said.
    made = [(app, name) for app, name in manifest.migrations if app in ours]
    return [f"{app} {name}" for app, name in made if (app, name) not in known]


OUT_OF_USE = (
    "UPDATE galpublishedcatalogues SET in_use = false, loaded_at = coalesce(loaded_at, now())"
)


@explained_server_errors()
def restore_backup(folder: Path, options: RestoreOptions, progress) -> Restored:
    """Restore a backup to the database of the settings, which must be empty or absent.

    A database that is not empty is put aside where ``options.replaced`` has its name. Until all
    rows are there and counted, nothing has the database's name. Raises GalprojectError.
    """
    folder = Path(folder).absolute()
    manifest = checked_backup(folder, progress)
    name = connection.settings_dict["NAME"]
    connection.close()
    draft = _draft_name(name)
    with maintenance_cursor() as cursor:
        _check_server(cursor, manifest)
        is_empty = _check_target(cursor, name, options.replaced)
        _create(cursor, draft)
        try:
            _load(folder, draft, manifest, options, progress)
            _check_rows(draft, manifest)
            _bring_up_to_date(draft, manifest, options.moved)
            put_aside = _give_name(cursor, draft, name, is_empty)
        except BaseException:
            connection.close()
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted(draft)} WITH (FORCE)")
            raise
    notes = [*restore_files(folder, manifest, options.with_key), *_left_to_do(manifest, options)]
    return Restored(manifest, put_aside, tuple(notes))


def _draft_name(name):
    draft = f"{name}_restoring"
    if len(draft.encode()) > LONGEST:
        raise GalprojectError(f"{name} is too long a name to restore to; choose a shorter one")
    return draft


def _check_server(cursor, manifest):
    major = cursor.connection.server_version // 10000
    if major < manifest.dumped_by:
        raise GalprojectError(
            f"the backup was made by pg_dump {manifest.dumped_by} of PostgreSQL "
            f"{manifest.postgresql}, and the server is PostgreSQL {major}: an older one may not "
            f"read it. Restore to PostgreSQL {manifest.dumped_by} or later"
        )
    if not one_value(
        cursor, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'q3c')"
    ):
        raise GalprojectError(
            "the server has no q3c extension. Install it there; on Debian or Ubuntu the package is "
            f"postgresql-{major}-q3c"
        )


def _check_target(cursor, name, replaced):
    """Whether the database is absent or empty; raises GalprojectError if it must stay."""
    cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [name])
    if not cursor.fetchone()[0]:
        return True
    _check_unused(cursor, name)
    with session(name) as opened, opened.cursor() as other:
        tables = set(tables_in(other)) & set(TOLD)
        n_rows = sum(one_value(other, f"SELECT count(*) FROM {table}") for table in tables)
        is_empty = n_rows == 0 and (tables or not tables_in(other))
    if not is_empty and replaced != name:
        raise GalprojectError(
            f"the database {name} is not empty. Restore to another (GALPROJECT_DATABASE=NAME), or "
            f"have it put aside under another name: --replace {name}"
        )
    return bool(is_empty)


def _check_unused(cursor, name):
    used = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = %s"
    n_sessions = one_value(cursor, used, [name, "client backend"])
    if n_sessions:
        raise GalprojectError(
            f"{n_sessions} sessions use the database {name}. Stop the web server and the workers "
            "first"
        )


def _create(cursor, draft):
    try:
        _check_unused(cursor, draft)
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(draft)}")  # what a killed run left
        # Who is no superuser can't make q3c, and has it from the template of all databases.
        sql = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        template = "template0 ENCODING 'UTF8'" if one_value(cursor, sql) else "template1"
        cursor.execute(f"CREATE DATABASE {quoted(draft)} TEMPLATE {template}")
    except psycopg2.errors.InsufficientPrivilege as error:
        user = cursor.connection.info.user
        raise GalprojectError(
            f"{user} may not make databases, and a backup is restored to a new one. A superuser "
            f"has to allow it, once: ALTER ROLE {user} CREATEDB"
        ) from error
    except psycopg2.Error as error:
        raise GalprojectError(f"{draft} can't be made: {str(error).strip()}") from error


def _load(folder, draft, manifest, options, progress):
    with session(draft) as opened:
        major = max(opened.server_version // 10000, manifest.dumped_by)
    words = (
        *("pg_restore", f"--jobs={options.jobs}", "--exit-on-error", "--no-owner"),
        *("--no-privileges", "--verbose", f"--dbname={draft}", folder / DATABASE),
    )
    with progress("objects", None, "object") as bar:
        run_program(
            programs_for(major), words, parameters_of(draft), RESTORED, lambda: bar.update(1)
        )


def _check_rows(draft, manifest):
    """Raise GalprojectError if a table's number of rows differs."""
    with session(draft) as opened, opened.cursor() as cursor:
        cursor.execute("ANALYZE")
        rows = {
            name: one_value(cursor, f"SELECT count(*) FROM public.{name}")
            for name in tables_in(cursor)
        }
    if rows != manifest.rows:
        wrong = sorted(rows.items() ^ manifest.rows.items())
        raise GalprojectError(
            f"the tables have not the rows that the backup tells: {wrong[:4]}. Take another backup"
        )


def _bring_up_to_date(draft, manifest, moved):
    """Migrate the restored database, and update paths of moved data.

    Published catalogues whose stars are not there are out of use, so that nothing is called new by
    them: loading one again drops what is left of it.
    """
    with connected_to(draft):
        call_command("migrate", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            if manifest.published:
                cursor.execute(OUT_OF_USE)
            for old, new in moved:
                _point_to(cursor, old.rstrip("/"), new.rstrip("/"))


def _point_to(cursor, old, new):
    cursor.execute(MOVED_PATH, {"old": old, "new": new})
    old_text, new_text = (json.dumps(path)[1:-1] for path in (old, new))
    values = {
        "pattern": rf'("(?:path|catalogue)": "){_literal(old_text)}(["/])',
        "new_text": new_text.replace("\\", "\\\\"),
    }
    cursor.execute(JSON_COLUMNS)
    for table, column in cursor.fetchall():
        cursor.execute(MOVED_IN_JSON.format(table=table, column=column), values)
    with transaction.atomic():
        cursor.execute(MOVED_OPTIONS, values)
        cursor.execute(REFERRING)
        for (table,) in cursor.fetchall():
            cursor.execute(MOVED_REFERENCES.format(table=table), values)
        cursor.execute(LEFT_OPTIONS)


def _literal(text):
    """A regular expression of PostgreSQL that matches exactly a text."""
    return "".join(c if c.isalnum() or c in "/_- " else f"\\u{ord(c):04x}" for c in text)


def _give_name(cursor, draft, name, is_empty):
    """Rename the new database; returns the replaced one's new name, or "" if it was empty."""
    put_aside = ""
    try:
        if is_empty:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
        else:
            put_aside = f"{name[:40]}_until_{datetime.now():%Y%m%d_%H%M%S}"
            cursor.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(put_aside)}")
        cursor.execute(f"ALTER DATABASE {quoted(draft)} RENAME TO {quoted(name)}")
    except psycopg2.errors.ObjectInUse as error:
        raise GalprojectError(
            f"somebody uses the database {name} again. Stop the web server and the workers, then "
            "restore once more"
        ) from error
    return put_aside


def _left_to_do(manifest, options):
    """Notes on what was not in the backup."""
    for path, n_chips in manifest.folders.items():
        now = _moved(path, options.moved)
        if not Path(now).is_dir():
            yield (
                f"Not here: {now}, with the files of {n_chips} chips. Copy it, or restore with "
                f"--moved {path}=NEW"
            )
    for name in manifest.published:
        yield f"Not in it: the stars of {name}. Load them again: manage.py load_catalogue"
    for path in manifest.catalogues:
        now = _moved(path, options.moved)
        if not Path(now).exists():
            yield f"Not here: the catalogue {now}. Copy it, or restore with --moved {path}=NEW"


def _moved(path, moved):
    for old, new in moved:
        old = old.rstrip("/")
        if path == old or path.startswith(f"{old}/"):
            path = new.rstrip("/") + path[len(old) :]
    return path


def restored_text(restored) -> str:
    """A line about what was restored."""
    m = restored.manifest
    return (
        f"{sum(m.rows.values()):,} rows of {len(m.rows)} tables as they were at {m.made} "
        f"({m.code_version}, {size_text(m.n_bytes)})"
    )
