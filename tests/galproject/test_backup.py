"""A survey backed up and restored: all of it, or a clear error and nothing."""

import gzip
import json
import os
import re
import shutil
import stat
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import md5
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from exposures.errors import GalprojectError
from exposures.kept_counts import OF_IMAGES
from exposures.models import (
    GalImage,
    GalImageCount,
    GalPublishedCatalogue,
    GalPublishedStar,
    Status,
)
from exposures.other_database import connected_to
from exposures.published.definitions import known_definitions
from exposures.published.loading import load_catalogue
from exposures.published.stored import drop_catalogue
from galproject.backup import files_beside, making, programs
from galproject.backup.bars import bar
from galproject.backup.making import BackupOptions, make_backup
from galproject.backup.manifest import Manifest, read_manifest, write_manifest
from galproject.backup.programs import Programs, programs_for
from galproject.backup.restoring import (
    RestoreOptions,
    checked_backup,
    restore_backup,
)
from galproject.backup.sessions import maintenance_cursor, session, tables_in
from galproject.queue.runs import prepare, run_chips
from tests.builders.campaigns import make_taxonomy
from tests.builders.published_files import write_vsx
from variables.derived.counts import OF_CANDIDATES
from variables.derived.refresh import refresh_candidates
from variables.models import GalCandidate, GalCandidateCount, GalDecision, TaxonomyClass

KEY = "q7#vZ0p(h2m_9xkd!w3u5t8y1r6eb4nj@s$a%g^f&l*c+i=o-Qz"
PASSWORD = "far enough from the others"
FEW = {"ccds": {35}}
# All that a database has but its rows, each in words.
SCHEMA = """
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION SELECT 'function', '', oid::regprocedure::text, prosrc FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
UNION SELECT 'partition', inhparent::regclass::text, inhrelid::regclass::text,
    pg_get_expr(relpartbound, inhrelid) FROM pg_inherits JOIN pg_class ON oid = inhrelid
UNION SELECT 'column', table_name, column_name, data_type || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION SELECT 'extension', '', extname, extversion FROM pg_extension
"""
PARENTHESES = str.maketrans("", "", "() ")


@contextmanager
def databases(*names):
    """No database of these names before and after."""

    def drop():
        connection.close()
        with maintenance_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            for (found,) in cursor.fetchall():
                if found.startswith(names):
                    cursor.execute(f'DROP DATABASE "{found}" WITH (FORCE)')

    drop()
    try:
        yield
    finally:
        drop()


def process(night, paths, **options):
    plan = prepare(paths, night.options, **options, **FEW)
    results = list(run_chips(plan.image_ids, night.options))
    assert not plan.errors
    assert results and not any(result.failed for result in results)


def make_database(name, template):
    """An empty survey, copied from what the migrations have made."""
    with maintenance_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


@pytest.fixture(scope="module")
def survey(night, template, django_db_setup, django_db_blocker, tmp_path_factory):
    """A small survey in a database of its own, with somebody's vote; its name."""
    tests = connection.settings_dict["NAME"]
    assert tests.startswith("test_")  # never the survey itself
    name = f"{tests}_bk"
    folder = tmp_path_factory.mktemp("moved") / "night"
    shutil.copytree(night.reference.parent, folder)
    with django_db_blocker.unblock(), databases(name), pytest.MonkeyPatch.context() as patch:
        make_database(name, template)
        pictures = tmp_path_factory.mktemp("of survey")
        (pictures / "cutouts" / "1").mkdir(parents=True)
        (pictures / "cutouts" / "1" / "2.webp").write_bytes(b"a picture")
        patch.setattr(settings, "GALPROJECT_PICTURES", str(pictures))
        patch.setattr(settings, "SECRET_KEY", KEY)
        patch.delenv("SECRET_KEY", raising=False)
        with connected_to(name):
            process(night, [night.reference], is_reference=True)
            process(night, night.searches[:1])
            refresh_candidates()
            vote()
            yield name


def vote():
    """Somebody who may vote, and did."""
    user = User.objects.create_user("vetter", password=PASSWORD)
    user.groups.add(Group.objects.get(name="vetters"))
    candidate = GalCandidate.objects.accepted().first()
    place = {"ra": candidate.ra, "dec": candidate.dec, "filter": candidate.filter}
    make_taxonomy()
    GalDecision.objects.create(
        refsource_id=candidate.pk, user=user, choice=TaxonomyClass.objects.first(), **place
    )


@pytest.fixture(scope="module")
def backup(survey, tmp_path_factory):
    """The folder of a backup of it."""
    folder = tmp_path_factory.mktemp("backups") / "monday"
    out = StringIO()
    call_command("backup", str(folder), stdout=out)
    assert "Not in it: the files of 2 chips in 1 folder and the catalogue" in out.getvalue()
    return folder


@contextmanager
def installation(folder, patch, name):
    """Another server: with nothing of ours but our documents, and a database's name."""
    folder.mkdir()
    (folder / "docs").symlink_to(settings.BASE_DIR / "docs")  # of which pages are made
    patch.setattr(settings, "BASE_DIR", folder)
    patch.setattr(settings, "GALPROJECT_PICTURES", str(folder / "data" / "pictures"))
    patch.setattr(settings, "GALPROJECT_OPTIONS", "")
    patch.setattr(settings, "SECRET_KEY", "another key")
    (folder / ".secret_key").write_text("another key")
    with connected_to(name):
        yield


@pytest.fixture(scope="module")
def restored(backup, survey, night, django_db_blocker, tmp_path_factory):
    """What the command said of a restore to another database, which was not empty; its name."""
    name = f"{survey}_b"
    home = tmp_path_factory.mktemp("other") / "home"
    old, new = night.reference.parent, tmp_path_factory.mktemp("moved") / "its.new (place)"
    shutil.copytree(old, new)
    with django_db_blocker.unblock(), databases(name), pytest.MonkeyPatch.context() as patch:
        with maintenance_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        with session(name) as opened, opened.cursor() as cursor:
            cursor.execute("CREATE TABLE auth_user AS SELECT 'before' AS name")
        with installation(home, patch, name):
            words = ("--replace", name, "--moved", f"{old}/={new}")
            out = StringIO()
            call_command("restore", str(backup), *words, stdout=out)
        yield name, out.getvalue(), home, new


def rows_of(name, moved=("", "")):
    """A digest of all rows of each table, with a path of one as that of the other.

    What refers to a set of options is told by what is in it, as its hash follows from that.
    """
    with session(name) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT hash::text, options::text FROM galoptionsets")
        sets = {hash: md5(text.replace(*moved).encode()).hexdigest() for hash, text in cursor}
        for table in tables_in(cursor):
            cursor.execute(f"SELECT row_to_json(t)::text FROM public.{table} t")
            texts = [text.replace(*moved) for (text,) in cursor.fetchall()]
            for hash, contents in sets.items():
                texts = [text.replace(hash, contents) for text in texts]
            yield table, sorted(texts)


def schema_of(name):
    with session(name) as opened, opened.cursor() as cursor:
        cursor.execute(SCHEMA)
        # Parentheses and casts of texts come and go where a definition is read again.
        rows = [f"{row}".translate(PARENTHESES) for row in cursor.fetchall()]
        return {re.sub(r"::(text|character varying)(\[\])?", "", row) for row in rows}


def next_ids(name):
    with session(name) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences")
        return dict(cursor.fetchall())


def test_every_row_of_every_table_is_restored(survey, restored, night):
    name, _, _, new = restored
    before = dict(rows_of(survey, (str(night.reference.parent), "NIGHT")))
    after = dict(rows_of(name, (str(new), "NIGHT")))
    assert before.keys() == after.keys()
    for table in before:
        if table != "django_migrations":
            assert before[table] == after[table], table
    assert sum(map(len, before.values())) > 1000


def test_kept_numbers_are_right_after_a_restore(restored, django_db_blocker):
    with django_db_blocker.unblock(), connected_to(restored[0]):
        assert GalImageCount.objects.exists() and GalCandidateCount.objects.exists()
        assert OF_IMAGES.differences() == OF_CANDIDATES.differences() == []


def test_partitions_constraints_triggers_and_functions_are_restored(survey, restored):
    before, after = schema_of(survey), schema_of(restored[0])
    assert before == after
    ids = next_ids(restored[0])
    assert all(ids[key] >= value for key, value in next_ids(survey).items())
    kinds = {row.split("'")[1] for row in before}
    assert {"trigger", "function", "partition", "constraint", "extension"} <= kinds


def test_what_was_not_in_the_backup_is_told(restored):
    _, said, home, _new = restored
    assert "The key of before is in" in said and "restart whatever runs" in said
    assert "Not here" not in said and "_until_" in said
    assert (home / ".secret_key").read_text() == KEY
    assert stat.S_IMODE((home / ".secret_key").stat().st_mode) == 0o600
    assert (home / "data" / "pictures" / "cutouts" / "1" / "2.webp").read_bytes() == b"a picture"


def test_a_database_that_was_not_empty_is_put_aside(restored):
    name, said, _, _ = restored
    aside = said.split("is called ")[1].split(";")[0]
    assert aside.startswith(f"{name}_until_")
    with session(aside) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT name FROM auth_user")
        assert cursor.fetchall() == [("before",)]


def test_people_log_in_see_candidates_and_process_chips_after_a_restore(
    restored,
    night,
    client,
    django_db_blocker,
):
    name, _, _, new = restored
    with django_db_blocker.unblock(), connected_to(name):
        login = {"username": "vetter", "password": PASSWORD}
        assert client.post(reverse("login"), login).url == reverse("home")
        candidate = GalCandidate.objects.accepted().first()
        page = client.get(reverse("candidate", args=[candidate.pk]))
        assert page.status_code == 200
        assert client.get(reverse("candidates")).status_code == 200
        assert all(path.startswith(str(new)) for path in paths_stored())
        moved = [new / path.name for path in night.searches]
        options = replace(night.options, catalogue=str(new / Path(night.options.catalogue).name))
        process(replace(night, options=options), moved[1:])
        assert GalImage.objects.filter(status=Status.DONE).count() == 3


def paths_stored():
    for image in GalImage.objects.all():
        yield image.path
        yield image.options["catalogue"]
        yield from (entry["path"] for entry in image.files.values())


def test_votes_are_kept_from_being_deleted_after_a_restore_too(restored):
    with session(restored[0]) as opened, opened.cursor() as cursor:
        for statement in ("DELETE FROM galdecisions", "UPDATE galdecisions SET ra = 1"):
            with pytest.raises(psycopg2.Error):
                cursor.execute(statement)


def test_a_backup_is_its_owners_alone(backup):
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [backup, *backup.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert (backup / "secret_key").read_text() == KEY
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_a_manifest_says_what_a_backup_is(backup):
    manifest = read_manifest(backup)
    assert manifest.rows["auth_user"] == 1 and manifest.rows["galdecisions"] == 1
    assert manifest.postgresql <= manifest.dumped_by
    assert set(manifest.files) == {
        path.relative_to(backup).as_posix()
        for path in backup.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture
def of_survey(survey, django_db_blocker):
    """The survey's database as the one of the settings."""
    with django_db_blocker.unblock(), connected_to(survey):
        yield survey


@pytest.fixture
def with_published(of_survey, tmp_path):
    """The survey with a published catalogue that is in use, which goes afterwards."""
    stars = tmp_path / "stars"
    stars.mkdir()
    report = load_catalogue(known_definitions()["vsx"], [write_vsx(stars)])
    yield report.catalogue
    drop_catalogue(report.catalogue)


WITHOUT_STARS = {"--exclude-table-data=public.galpublishedstars_*"}


def programs_given(folder, **options):
    """The words with which pg_dump would be called."""
    given = []

    def told(_, words, *rest):
        given.extend(words)
        raise GalprojectError("no dump is wanted")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(GalprojectError, match="no dump"):
        patch.setattr(making, "run_program", told)
        make_backup(folder, BackupOptions(1, False, False, **options), bar)
    return set(given)


def test_stars_of_published_catalogues_are_left_out_unless_asked_for(with_published, tmp_path):
    assert programs_given(tmp_path / "all", with_published=True).isdisjoint(WITHOUT_STARS)
    assert programs_given(tmp_path / "few", with_published=False) > WITHOUT_STARS
    out = StringIO()
    words = ("--no-pictures", "--no-key", "--jobs", "1")
    call_command("backup", str(tmp_path / "few"), *words, stdout=out)
    assert f"Not in it: the stars of {with_published}" in out.getvalue()
    name = f"{connection.settings_dict['NAME']}_c"
    with databases(name), connected_to(name):
        restored = restore_backup(tmp_path / "few", RestoreOptions(1, with_key=False), bar)
        # It is not in use without its stars: else all of ours would be new by it.
        assert not GalPublishedCatalogue.objects.in_use().exists()
        assert GalPublishedCatalogue.objects.get().name == "vsx"
        assert GalPublishedStar.objects.count() == 0
        again = load_catalogue(known_definitions()["vsx"], [tmp_path / "stars" / "vsx.dat"])
        assert GalPublishedCatalogue.objects.get() == again.catalogue
        assert GalPublishedStar.objects.count() == 4
    assert any(str(with_published) in note for note in restored.notes)


def nothing_new(folder):
    """Names in a folder but for those of a backup."""
    return [path.name for path in folder.iterdir() if path.name != "monday"]


def test_nothing_is_overwritten(of_survey, backup):
    with pytest.raises(CommandError, match="monday is there already"):
        call_command("backup", str(backup))
    with pytest.raises(CommandError, match=r"is no folder\. Make it first"):
        call_command("backup", str(backup.parent / "no" / "tuesday"))
    with pytest.raises(CommandError, match=f"is not empty.*--replace {of_survey}"):
        call_command("restore", str(backup))
    with pytest.raises(CommandError, match="is not empty"):
        call_command("restore", str(backup), "--replace", "another")


def test_a_dump_that_fails_leaves_nothing(of_survey, tmp_path, monkeypatch):
    def fail(*_):
        raise GalprojectError("pg_dump failed: no space left on device")

    monkeypatch.setattr(making, "run_program", fail)
    with pytest.raises(CommandError, match="no space left"):
        call_command("backup", str(tmp_path / "tuesday"))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(of_survey, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "_copy_the_rest", interrupt)
    with pytest.raises(CommandError, match="Interrupted"):
        call_command("backup", str(tmp_path / "tuesday"))
    assert list(tmp_path.iterdir()) == []


def interrupt(*_):
    raise KeyboardInterrupt


def test_room_is_looked_at_before(of_survey, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "free_bytes", lambda folder: 1000)
    with pytest.raises(CommandError, match="1 kB are free, and the backup takes about"):
        call_command("backup", str(tmp_path / "tuesday"))
    assert list(tmp_path.iterdir()) == []


def test_two_backups_at_once_are_two_or_one_and_an_error(of_survey, tmp_path):
    killed = tmp_path / ".same.0.part"
    killed.mkdir()

    def backed_up(name):
        try:
            return make_backup(tmp_path / name, BackupOptions(with_pictures=False), bar)
        except GalprojectError as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads:
        results = list(threads.map(backed_up, ["same", "same", "other"]))
    assert isinstance(results[2], Manifest)
    assert sum(isinstance(result, Manifest) for result in results[:2]) == 1
    assert any("is there already" in str(result) for result in results[:2])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "same"]
    assert all(checked_backup(path, bar) for path in tmp_path.iterdir())


def test_drafts_begun_at_once_are_not_taken_for_what_was_left(tmp_path):
    def begun(_):
        with making.draft_of(tmp_path / "same") as draft:
            time.sleep(0.001)
            return draft.is_dir()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(begun, range(200)))
    assert list(tmp_path.iterdir()) == []


def test_a_backup_whose_name_is_taken_at_the_last_moment_says_so(tmp_path, monkeypatch):
    draft, folder, rename = tmp_path / "draft", tmp_path / "same", os.rename
    draft.mkdir()

    def rename_late(*paths):
        (folder / "there").mkdir(parents=True)
        rename(*paths)

    monkeypatch.setattr(os, "rename", rename_late)
    with pytest.raises(GalprojectError, match="is there already"):
        making.put_in_place(draft, folder)


def test_a_backup_while_others_write_is_of_one_moment(of_survey, tmp_path):
    """Each transaction adds a row to either of two tables, which are dumped apart."""
    has_begun, has_ended = threading.Event(), threading.Event()

    def write():
        number = 0
        with session(of_survey) as opened, opened.cursor() as cursor:
            while not has_ended.is_set():
                number += 1
                cursor.execute(
                    "BEGIN; INSERT INTO galproject_a VALUES (%s); INSERT INTO galproject_z VALUES "
                    "(%s); COMMIT",
                    [number, number],
                )
                has_begun.set()

    with session(of_survey) as opened, opened.cursor() as cursor:
        cursor.execute("CREATE TABLE galproject_a (n int); CREATE TABLE galproject_z (n int)")
        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert has_begun.wait(30)
            made = make_backup(tmp_path / "busy", BackupOptions(with_pictures=False), bar)
        finally:
            has_ended.set()
            writer.join()
            cursor.execute("DROP TABLE galproject_a; DROP TABLE galproject_z")
    stored = {
        name: dumped_rows(tmp_path / "busy", name) for name in ("galproject_a", "galproject_z")
    }
    assert stored["galproject_a"] == stored["galproject_z"]
    assert len(stored["galproject_a"]) == made.rows["galproject_a"] > 0


def dumped_rows(folder, table):
    """The rows of a table in a dump."""
    words = [programs_for(0).folder / "pg_restore", "--data-only", f"--table={table}", "--file=-"]
    text = subprocess.run(
        [*words, folder / "database"], check=True, capture_output=True, text=True
    ).stdout
    return text.split("FROM stdin;\n")[1].split("\n\\.")[0].splitlines()


@pytest.fixture
def copy(backup, tmp_path):
    """A backup to be spoilt."""
    shutil.copytree(backup, tmp_path / "copy")
    return tmp_path / "copy"


def spoil_table(folder):
    path = max(folder.glob("database/*.dat.gz"), key=os.path.getsize)
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content.replace(b"1", b"2", 1)))


def spoil_byte(folder):
    path = folder / "pictures.tar"
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.write_bytes(content)


SPOILT = {
    "a table": (spoil_table, "is not what it was when"),
    "a byte": (spoil_byte, "pictures.tar is not what it was when"),
    "the list": (lambda f: (f / "database" / "toc.dat").unlink(), "toc.dat: No such file"),
    "the manifest": (lambda f: (f / "manifest.json").unlink(), "is no backup"),
    "the end": (lambda f: (f / "manifest.json").write_text('{"format": 1'), "is damaged"),
    "its type": (lambda f: (f / "manifest.json").write_text("[]"), "is damaged"),
    "its depth": (lambda f: (f / "manifest.json").write_text("[" * 10**5), "is damaged"),
    "its keys": (lambda f: (f / "manifest.json").write_text('{"format": 1}'), "is damaged"),
    "a newer form": (
        lambda f: (f / "manifest.json").write_text('{"format": 3, "version": "9.1"}'),
        "made by 9.1.*Update galproject",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_backup_that_is_not_whole_is_refused(copy, name, django_db_blocker):
    spoil, message = SPOILT[name]
    spoil(copy)
    for words in ((), ("--check",)):
        with pytest.raises(CommandError, match=message):
            call_command("restore", str(copy), *words)


def changed(folder, **facts):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(json.dumps(json.loads(text) | facts))


def test_a_newer_backup_is_refused_by_older_code(copy):
    migrations = [*read_manifest(copy).migrations, ["variables", "0999_later"]]
    changed(copy, migrations=migrations, code_version="9.1+abc")
    with pytest.raises(CommandError, match=r"9\.1\+abc, which is newer.*variables 0999_later"):
        call_command("restore", str(copy))


def test_names_that_lead_out_of_a_backup_are_refused(copy):
    for name in ("../../etc/passwd", "/etc/passwd"):
        write_manifest(copy, replace(read_manifest(copy), files={name: {"size": 1, "sha256": ""}}))
        with pytest.raises(CommandError, match=r"is damaged.*leads out"):
            call_command("restore", str(copy), "--check")
        changed(copy, files={})


def test_an_older_server_is_refused(copy, django_db_blocker, survey):
    changed(copy, dumped_by=99, postgresql=99)
    with (
        django_db_blocker.unblock(),
        connected_to(f"{survey}_none"),
        pytest.raises(CommandError, match=r"made by pg_dump 99.*PostgreSQL 99 or later"),
    ):
        call_command("restore", str(copy))


def test_rows_that_are_missing_leave_no_database(copy, django_db_blocker, survey, tmp_path):
    changed(copy, rows=read_manifest(copy).rows | {"auth_user": 2})
    name = f"{survey}_c"
    with django_db_blocker.unblock(), databases(name), pytest.MonkeyPatch.context() as patch:
        with (
            installation(tmp_path / "home", patch, name),
            pytest.raises(GalprojectError, match=r"not the rows.*'auth_user', 1"),
        ):
            restore_backup(copy, RestoreOptions(), bar)
        with maintenance_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name])
            assert cursor.fetchall() == []
    assert {path.name for path in (tmp_path / "home").iterdir()} == {".secret_key", "docs"}


def test_a_database_in_use_is_not_touched(backup, survey, django_db_blocker):
    with (
        django_db_blocker.unblock(),
        connected_to(survey),
        session(survey),
        pytest.raises(CommandError, match=r"1 sessions use the database.*Stop the web server"),
    ):
        call_command("restore", str(backup), "--replace", survey)


def test_an_older_pg_dump_or_none_says_what_to_install(monkeypatch):
    for there, message in (
        ([], "not to be found here"),
        ([Programs(12, Path("/x"))], "of 12 here"),
    ):
        monkeypatch.setattr(programs, "_installed", lambda there=there: there)
        with pytest.raises(GalprojectError, match=f"{message}.*postgresql-client-15"):
            programs_for(15)
    newer = [Programs(major, Path("/x")) for major in (17, 14, 16)]
    monkeypatch.setattr(programs, "_installed", lambda: newer)
    assert programs_for(15).major == 16


@pytest.mark.parametrize("text", ["a=b", "/a", "/a=b", "=/b", ""])
def test_moved_folders_are_two_whole_paths(text):
    with pytest.raises(CommandError, match=r"OLD=NEW|expected one argument"):
        call_command("restore", "x", f"--moved={text}")


def test_other_options_and_pictures_that_are_there_stay(tmp_path, monkeypatch):
    (tmp_path / "options.toml").write_text("[reduction]")
    monkeypatch.setattr(settings, "GALPROJECT_OPTIONS", str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text("# mine")
    note, _ = files_beside.restore_options(tmp_path / "options.toml")
    assert (tmp_path / "mine.toml").read_text() == "# mine"
    assert (tmp_path / "mine.toml.restored").read_text() == "[reduction]" and "others" in note


def test_a_key_of_the_environment_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    monkeypatch.setenv("SECRET_KEY", "of the environment")
    for key in (KEY[::-1], "easily guessed"):
        (note,) = files_beside.restore_key(key)
        assert "stays" in note and list(tmp_path.iterdir()) == []
