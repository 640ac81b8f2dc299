"""manage.py doctor tells each fault, with what to do, and is content where there is none."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from types import SimpleNamespace

import psycopg2
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_q.models import Schedule, Task

from exposures.models import Status
from galproject.doctor import configuration, database, examination, machine, web, work
from galproject.doctor.findings import Finding, Severity, worst
from galproject.site import checks
from photometry.storage.lock_table import LockTable
from tests.builders.exposures_in_work import make_exposure
from variables.models import CandidateBefore
from variables.pictures.paths import write_whole

CLOSED = "127.0.0.1:1"  # nothing listens there


@pytest.fixture(autouse=True)
def local(monkeypatch):
    """A site for this machine alone, of which less is asked."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost"])


def told(look, *arguments):
    """The findings of an examination."""
    found = look(*arguments)
    return [found] if isinstance(found, Finding) else list(found)


def faults(look, *arguments):
    """What is wrong, {subject: severity}; each says what to do on a line."""
    wrong = [finding for finding in told(look, *arguments) if finding.severity]
    assert all(finding.advice and finding.line.isprintable() for finding in wrong)
    return {finding.subject: finding.severity.name for finding in wrong}


def execute(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def public_without_https(patch, folder):
    patch.setattr(settings, "ALLOWED_HOSTS", ["gal.example.org"])


def readable_key(patch, folder):
    patch.setattr(settings, "BASE_DIR", folder)
    (folder / ".secret_key").write_text("x")
    (folder / ".secret_key").chmod(0o640)


def other_packages(patch, folder):
    (folder / "requirements.txt").write_text("numpy==1.0")
    patch.setattr(sys, "prefix", str(folder))


def pictures_in_a_file(patch, folder):
    # Where not even root can make another.
    (folder / "pictures").write_text("")
    patch.setattr(settings, "GALPROJECT_PICTURES", str(folder / "pictures" / "here"))


def disk_with(patch, n_bytes, n_files=10**9):
    disk = SimpleNamespace(f_bavail=n_bytes, f_frsize=1, f_files=10**9, f_favail=n_files)
    patch.setattr(os, "statvfs", lambda _: disk)


def many_workers(patch, folder):
    patch.setattr(settings, "N_WORKERS", 10**6)


def unset_clock(patch, folder):
    program = folder / "timedatectl"
    program.write_text("#!/bin/sh\necho no\n")
    program.chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=os.pathsep)


def no_catalogue(patch, folder):
    patch.setattr(settings, "GALPROJECT_CATALOGUE", str(folder / "gaia"))


def no_backup(patch, folder):
    patch.setattr(settings, "GALPROJECT_BACKUPS", str(folder))


def broken_backup(patch, folder):
    no_backup(patch, folder)
    (folder / "2026-11-28").mkdir()
    (folder / "2026-11-28" / "manifest.json").write_text("{")


def redis_away(patch, folder):
    patch.setattr(settings, "REDIS_URL", f"redis://{CLOSED}/0")


def mail_away(patch, folder):
    host, port = CLOSED.split(":")
    patch.setattr(settings, "MAIL_IS_SET", True)
    patch.setattr(settings, "EMAIL_HOST", host)
    patch.setattr(settings, "EMAIL_PORT", int(port))


def few_locks(patch, folder):
    patch.setattr(checks, "lock_table", lambda: LockTable(64, 122, 6000, 0))


def few_connections(patch, folder, used=0.0):
    patch.setattr(database, "MANY", 0)
    patch.setattr(database, "NEARLY_ALL", used)


def invalid_index(patch, folder):
    execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'galimages_radius'::regclass"
    )


def disabled_trigger(patch, folder):
    execute("ALTER TABLE galimages DISABLE TRIGGER USER")


def read_only(patch, folder):
    execute("SET LOCAL default_transaction_read_only = on")


def migration_left(patch, folder):
    execute(
        "DELETE FROM django_migrations WHERE app = 'galproject' AND name = "
        "(SELECT max(name) FROM django_migrations WHERE app = 'galproject')"
    )


def late_schedule(patch, folder, statuses=()):
    before = timezone.now() - timedelta(hours=1)
    Schedule.objects.filter(func=work.EACH_MINUTE).update(next_run=before)
    make_exposure("c4d_1", statuses)


def no_schedule(patch, folder):
    Schedule.objects.all().delete()


def failed_chip(patch, folder):
    make_exposure("c4d_1", [Status.FAILED])


def failed_task(patch, folder):
    now = timezone.now()
    kept = {"name": "x", "func": work.EACH_MINUTE, "success": False}
    Task.objects.create(id="0" * 32, started=now, stopped=now, **kept)


def no_picture(patch, folder):
    make_exposure("c4d_1", [Status.DONE])


def changes_untold(patch, folder):
    CandidateBefore.objects.create(refsource_id=1)
    before = timezone.now() - timedelta(hours=1)
    Schedule.objects.filter(func=work.TELLS_WATCHES).update(next_run=before)


def many_changes(patch, folder):
    CandidateBefore.objects.bulk_create(CandidateBefore(refsource_id=1) for _ in range(2))
    patch.setattr(work, "MANY_CHANGES", 2)


def nobody(patch, folder):
    User.objects.all().delete()


OF_MACHINE = [
    ("settings", public_without_https, {"settings": "WARNING"}),
    ("secret key", readable_key, {"secret key": "FAILS"}),
    ("packages", other_packages, {"packages": "WARNING"}),
    ("folders", pictures_in_a_file, {"pictures": "FAILS"}),
    ("folders", lambda patch, _: disk_with(patch, 1e9), {"disk": "FAILS"}),
    ("folders", lambda patch, _: disk_with(patch, 1e10), {"disk": "WARNING"}),
    ("folders", lambda patch, _: disk_with(patch, 1e12, 5), {"disk": "WARNING"}),
    ("memory", many_workers, {"memory": "WARNING"}),
    ("clock", unset_clock, {"clock": "WARNING"}),
    ("catalogue", no_catalogue, {"catalogue": "FAILS"}),
    ("backups", no_backup, {"backups": "FAILS"}),
    ("backups", broken_backup, {"backups": "FAILS"}),
    ("redis", redis_away, {"redis": "FAILS"}),
    ("mail", mail_away, {"mail": "FAILS"}),
]
OF_DATABASE = [
    ("database", read_only, {"database": "FAILS"}),
    ("locks", few_locks, {"locks": "WARNING"}),
    ("connections", partial(few_connections, used=1.0), {"connections": "WARNING"}),
    ("connections", few_connections, {"connections": "FAILS"}),
    ("disk of the tables", lambda patch, _: disk_with(patch, 1e9), {"disk": "FAILS"}),
    ("indexes", invalid_index, {"indexes": "WARNING"}),
    ("triggers", disabled_trigger, {"triggers": "FAILS"}),
    ("migrations", migration_left, {"migrations": "FAILS"}),
    ("workers", late_schedule, {"workers": "WARNING"}),
    ("workers", partial(late_schedule, statuses=[Status.QUEUED]), {"workers": "FAILS"}),
    ("workers", no_schedule, {"workers": "FAILS"}),
    ("failures", failed_chip, {"chips": "WARNING"}),
    ("failures", failed_task, {"tasks": "WARNING"}),
    ("pictures", no_picture, {"pictures": "WARNING"}),
    ("watches", changes_untold, {"watches": "WARNING"}),
    ("watches", many_changes, {"watches": "WARNING"}),
    ("people", nobody, {"people": "WARNING"}),
]
# Whose faults take another session, or are known by a number: tested one by one.
BY_THEMSELVES = {"transactions", "waiting", "freezing", "archive", "clock"}
LOOKS = {
    **examination.WITHOUT_DATABASE,
    "database": database.server,
    **examination.OF_SERVER,
    **examination.OF_TABLES,
}


def names_of(cases):
    return [f"{name}-{number}" for number, (name, *_) in enumerate(cases)]


@pytest.mark.parametrize(("name", "fault", "expected"), OF_MACHINE, ids=names_of(OF_MACHINE))
def test_a_fault_of_the_machine_is_told(name, fault, expected, monkeypatch, tmp_path):
    look = examination.WITHOUT_DATABASE[name]
    before = faults(look)
    fault(monkeypatch, tmp_path)
    assert faults(look) == before | expected != before


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "fault", "expected"), OF_DATABASE, ids=names_of(OF_DATABASE))
def test_a_fault_of_the_database_is_told(name, fault, expected, monkeypatch, tmp_path):
    User.objects.create_superuser("annie", password="hertzsprung-1911")
    # Migrations made them due at once, and no worker is there.
    Schedule.objects.update(next_run=timezone.now())
    look = LOOKS[name]
    assert faults(look) == {}
    fault(monkeypatch, tmp_path)
    assert faults(look) == expected


def test_every_examination_has_a_fault_that_shows_it():
    shown = {name for name, *_ in [*OF_MACHINE, *OF_DATABASE]}
    assert shown | BY_THEMSELVES == set(LOOKS)
    assert BY_THEMSELVES & shown <= {"clock"}  # by the system, and by the database


@pytest.mark.parametrize(
    ("look", "good", "doubtful", "bad"),
    [
        (database.freezing_finding, 2e8, 6e8, 1.6e9),
        (database.clock_finding, -1, -6, 61),
        (web.certificate_finding, 60, 14, 1),
    ],
)
def test_a_number_is_judged_by_two_limits(look, good, doubtful, bad):
    found = [look(number).severity for number in (good, doubtful, bad)]
    assert found == list(Severity)


def test_an_archive_is_doubted_only_where_its_last_copy_failed():
    assert database.archive_finding(False, True, "", 0).severity is Severity.OK
    assert database.archive_finding(True, False, "", 3).severity is Severity.OK
    failed = database.archive_finding(True, True, "0000000100000001000000A3", 3)
    assert failed.severity is Severity.FAILS and "A3" in failed.words


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ((15, "2.0", False, False, True), Severity.OK),
        ((13, "2.0", False, False, True), Severity.FAILS),
        ((15, "2.0", False, True, False), Severity.OK),
        ((15, "2.0", False, True, True), Severity.WARNING),
    ],
)
def test_a_server_is_too_old_or_its_role_too_mighty(facts, severity):
    assert database.server_finding(database.Server("galproject", *facts)).severity is severity


def test_the_database_is_asked_for_all_that_is_judged_by_numbers(db):
    for look in (database.freezing, database.archive, database.clock, database.tables_disk):
        assert faults(look) == {}


def other_session():
    return closing(
        psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None})
    )


def test_a_transaction_that_stays_open_is_told(db):
    with other_session() as other:
        other.cursor().execute("SELECT 1")
        assert faults(database.transactions) == {}
        # What it has seen of others a transaction keeps, and this test is one.
        execute("SELECT pg_stat_clear_snapshot()")
        # As if it had been open for a minute more than it has.
        assert faults(database.transactions, -1) == {"transactions": "WARNING"}


def test_who_waits_for_a_lock_is_told_with_whom_for(db):
    assert faults(database.waiting) == {}
    with other_session() as holder, other_session() as waiter:
        holder.cursor().execute("SELECT pg_advisory_lock(1, 1)")
        has_it = holder.info.backend_pid
        asks = threading.Thread(
            target=waiter.cursor().execute, args=("SELECT pg_advisory_lock(1, 1)",)
        )
        asks.start()
        end = time.monotonic() + 10
        while not (found := faults(database.waiting, -1)) and time.monotonic() < end:
            time.sleep(0.01)
        (finding,) = told(database.waiting, -1)
        holder.cursor().execute("SELECT pg_advisory_unlock(1, 1)")
        asks.join()
    assert found == {"waiting": "WARNING"}
    assert finding.words.endswith(f" for {has_it}")


def test_a_backup_of_last_night_will_do_and_one_of_last_week_not(monkeypatch, tmp_path):
    no_backup(monkeypatch, tmp_path)
    monkeypatch.setattr(machine, "read_manifest", lambda folder: None)
    manifest = tmp_path / "2026-11-28" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text("{}")
    assert faults(machine.backups) == {}
    last_week = time.time() - 7 * 86_400
    os.utime(manifest, (last_week, last_week))
    assert faults(machine.backups) == {"backups": "WARNING"}


def test_less_room_will_do_for_temporary_files(monkeypatch):
    disk_with(monkeypatch, 5e9)
    assert machine.disk("pictures", "/").severity is Severity.WARNING
    assert machine.disk("temporary files", "/tmp", machine.TEMPORARY_SHARE).severity is Severity.OK


def test_pictures_that_are_there_are_enough(db, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "GALPROJECT_PICTURES", str(tmp_path))
    image = make_exposure("c4d_1", [Status.DONE]).images.get()
    write_whole(work.picture_path(image.pk), b"png")
    assert faults(work.pictures) == {}


@contextmanager
def answering(statuses):
    """The address of a web server that answers its paths with statuses."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(statuses[self.path])
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_site_is_looked_at_as_a_visitor_does():
    with answering({"/login/": 200, "/metrics": 404}) as address:
        assert faults(web.site, address) == {}
    with answering({"/login/": 502, "/metrics": 200}) as address:
        assert faults(web.site, address) == {"site": "FAILS", "metrics": "FAILS"}
    assert faults(web.site, f"http://{CLOSED}") == {"site": "FAILS"}
    assert web.strict_finding({}).severity is Severity.WARNING
    assert web.strict_finding({"Strict-Transport-Security": "max-age=1"}).severity is Severity.OK


def test_a_mail_server_that_takes_the_login_is_well(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        mail_away(monkeypatch, None)
        monkeypatch.setattr(settings, "EMAIL_PORT", server.getsockname()[1])

        def answer():
            talk, _ = server.accept()
            with talk:
                for line in (b"220 gal\r\n", b"250 gal\r\n", b"221 bye\r\n"):
                    talk.sendall(line)
                    talk.recv(1000)

        threading.Thread(target=answer, daemon=True).start()
        assert faults(configuration.mail) == {}


def doctor(*words):
    """What the command says, and its exit status."""
    out = StringIO()
    try:
        call_command("doctor", *words, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


def test_the_exit_status_is_that_of_the_worst_and_each_finding_has_a_line(db, monkeypatch):
    User.objects.create_superuser("annie", password="hertzsprung-1911")
    few_locks(monkeypatch, None)
    lines, status = doctor()
    assert status == 1
    assert {line.split()[0] for line in lines.splitlines()} == {"ok", "warning"}
    quiet, _ = doctor("--quiet")
    (line,) = [line for line in quiet.splitlines() if " locks: " in line]
    assert "max_locks_per_transaction = " in line
    disabled_trigger(monkeypatch, None)
    assert doctor()[1] == 2


def test_json_has_what_the_lines_have(db):
    text, status = doctor("--json")
    found = json.loads(text)
    severities = {one["severity"] for one in found["findings"]}
    assert severities <= {"ok", "warning", "fails"}
    assert found["worst"] == Severity(status).name.lower()


def test_tables_are_not_looked_at_before_migrations_are_made(db, monkeypatch):
    migration_left(monkeypatch, None)
    found = list(examination.examine())
    assert worst(found) is Severity.FAILS
    assert "They need all migrations" in found[-1].advice
    assert not {"workers", "people"} & {finding.subject for finding in found}


def test_all_else_is_told_where_the_database_is_away():
    # In a process of its own, as by whoever calls it then.
    run = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": f"postgresql://gal:secret@{CLOSED}/galproject"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2 and run.stderr == ""
    found = {one["subject"]: one for one in json.loads(run.stdout)["findings"]}
    assert (
        found["database"]["severity"] == "fails" and "DATABASE_URL" in found["database"]["advice"]
    )
    assert "migrations" in found["not looked at"]["words"]
    assert found["mail"]["severity"] == "ok"
    assert "secret" not in run.stdout.replace("secret key", "").replace(".secret_key", "")
