"""Files of deploy/ agree with the project: its commands, its variables, its limits and paths."""

import os
import re
import shlex
import shutil
import subprocess
import time

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

from galproject.configuration.environment import PREFIX, VARIABLES, read_environment
from galproject.site.web_worker import MAX_BODY_BYTES

DEPLOY = settings.BASE_DIR / "deploy"
UNITS = DEPLOY / "systemd"
COMMON = UNITS / "galproject-.service.d" / "common.conf"
HOME = "/srv/galproject"
SERVICES = sorted(UNITS.glob("*.service"))
TABLE_ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|[^|]*\|$", re.M)


def settings_in(path):
    """(name, value) of each line of a unit, of PostgreSQL's settings or of the environment."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and line[0] not in "#;"]
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def variables():
    """The environment as the example has it, with what is to be filled in and nothing left out."""
    text = re.sub(r"^#(?=[A-Z_]+=)", "", (DEPLOY / "galproject.env").read_text(), flags=re.M)
    found = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.M))
    return found | {
        "SECRET_KEY": "".join(map(chr, range(48, 110))),
        "GALPROJECT_METRICS_TOKEN": "of-prometheus-only-0123456789",
    }


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_commands_of_services_are_there_and_take_what_they_are_given(path):
    started = [shlex.split(value) for name, value in settings_in(path) if name == "ExecStart"]
    assert started
    for program, *words in started:
        if words[0] == "manage.py":
            assert program == f"{HOME}/.venv/bin/python"
            name, *arguments = words[1:]
            command = load_command_class(get_commands()[name], name)
            command.create_parser("manage.py", name).parse_args(arguments)
        else:
            there = settings.BASE_DIR / program.removeprefix(f"{HOME}/")
            assert there.is_file() and os.access(there, os.X_OK)


def test_timers_start_services_that_are_there():
    timers = list(UNITS.glob("*.timer"))
    assert len(timers) == 3
    assert all(path.with_suffix(".service").is_file() for path in timers)


def test_the_environment_of_the_example_is_one_that_is_taken():
    found = variables()
    assert {name for name in found if name.startswith(PREFIX)} <= set(VARIABLES)
    read = read_environment(found)
    assert read.https and read.proxies == 1
    assert set(read.hosts) == {origin.removeprefix("https://") for origin in read.origins}


def test_services_write_only_where_they_may():
    common = dict(settings_in(COMMON))
    assert common["ProtectSystem"] == "strict" and common["NoNewPrivileges"] == "true"
    written = [f"/var/lib/{common['StateDirectory']}", f"/var/cache/{common['CacheDirectory']}"]
    backup = dict(settings_in(UNITS / "galproject-backup.service"))["ReadWritePaths"]
    found = variables()
    for name in ("PICTURES", "EXPOSURES", "STATIC_ROOT"):
        assert any(found[PREFIX + name].startswith(f"{folder}/") for folder in written)
    assert found[f"{PREFIX}BACKUPS"] == backup
    made = (DEPLOY / "tmpfiles.d" / "galproject.conf").read_text()
    assert all(f"d {folder} " in made for folder in (*written, backup))


def test_nginx_hands_on_to_where_the_pages_are_and_takes_as_much_as_they_do():
    site = (DEPLOY / "nginx" / "galproject.conf").read_text()
    web = dict(settings_in(UNITS / "galproject-web.service"))["ExecStart"]
    port = re.search(r"--port (\d+)", web)[1]
    assert f"server 127.0.0.1:{port};" in site
    assert f"alias {variables()[f'{PREFIX}STATIC_ROOT']}/;" in site
    megabytes = int(re.search(r"client_max_body_size (\d+)m;", site)[1])
    assert MAX_BODY_BYTES < megabytes * 1024**2 < 2 * MAX_BODY_BYTES
    assert "max-age=31536000" in site  # as pages say with GALPROJECT_HTTPS
    public = site[site.index("listen 443") : site.index("listen 127.0.0.1:9180")]
    assert re.search(r"location = /metrics \{\s+return 404;", public)


def test_no_visitor_tells_nginx_who_he_is():
    handed_on = (DEPLOY / "nginx" / "galproject-proxy.conf").read_text()
    headers = dict(re.findall(r"proxy_set_header (\S+) (\S+);", handed_on))
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["X-Forwarded-Proto"] == "$scheme"
    assert headers["X-Forwarded-Host"] == headers["Host"] == "$host"


@pytest.mark.parametrize(("column", "size"), [(0, "24gb"), (1, "64gb"), (2, "256gb")])
def test_settings_of_the_database_are_those_of_the_document(column, size):
    table = (settings.BASE_DIR / "docs" / "large-survey.md").read_text()
    expected = {name: cells[column].strip() for name, *cells in TABLE_ROW.findall(table)}
    assert len(expected) > 10
    found = dict(settings_in(DEPLOY / "postgresql" / f"galproject-{size}.conf"))
    assert found | expected == found


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_understands_every_line_of_the_units():
    units = [path for path in UNITS.iterdir() if path.is_file()]
    run = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    told = [line for line in run.stderr.splitlines() if "galproject" in line]
    # The project is not where it will be.
    assert [line for line in told if "is not executable: No such file" not in line] == []


ALERTS = {  # the number that each is for, as it should not be and as it should
    "GalprojectNoWorkers": ("galproject_workers_late_seconds", 700, 60),
    "GalprojectDatabaseAway": ("galproject_database_up", 0, 1),
    "GalprojectArchiveFails": ("galproject_database_archive_failing", 1, 0),
    "GalprojectChipsFail": ('galproject_chips_ended_last_hour{status="failed"}', 300, 100),
}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not here")
def test_prometheus_understands_the_alerts_which_fire_on_what_they_are_for(tmp_path):
    rules = DEPLOY / "prometheus" / "galproject.rules.yml"
    groups = yaml.safe_load(rules.read_text())["groups"]
    told = {rule["alert"]: rule["annotations"] for group in groups for rule in group["rules"]}
    done = {"series": 'galproject_chips_ended_last_hour{status="done"}', "values": "1000x60"}
    cases = []
    for column in (1, 2):
        series = [{"series": one[0], "values": f"{one[column]}x60"} for one in ALERTS.values()]
        tests = []
        for name in ALERTS:
            fired = [{"exp_labels": {}, "exp_annotations": told[name]}] if column == 1 else []
            tests.append({"eval_time": "40m", "alertname": name, "exp_alerts": fired})
        cases.append({"interval": "1m", "input_series": [*series, done], "alert_rule_test": tests})
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": cases}))
    run = subprocess.run(
        ["promtool", "test", "rules", path], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def nginx_takes(folder, site):
    """What nginx says of a site as a file, with a certificate of its own; "" where it takes it."""
    folder.mkdir()
    subject = ["-subj", "/CN=gal.example.org", "-days", "2"]
    files = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    made = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", *subject, *files]
    subprocess.run(made, check=True, capture_output=True)
    site = site.replace("/etc/letsencrypt/live/gal.example.org", str(folder))
    site = site.replace("/etc/nginx/", f"{DEPLOY}/nginx/")
    (folder / "site.conf").write_text(site)
    whole = f"pid {folder}/pid; error_log stderr; events {{}} http {{ include site.conf; }}\n"
    (folder / "nginx.conf").write_text(whole)
    run = subprocess.run(
        ["nginx", "-t", "-q", "-p", folder, "-c", folder / "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stderr if run.returncode else ""


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not here")
def test_nginx_understands_the_site(tmp_path):
    site = (DEPLOY / "nginx" / "galproject.conf").read_text()
    assert nginx_takes(tmp_path / "right", site) == ""
    assert "misspelt" in nginx_takes(tmp_path / "wrong", site + "misspelt on;\n")


def backup(folder, status):
    """Run the backup's script where a backup is a folder that is made, and ends with a status."""
    script = folder / "deploy" / "bin" / "galproject-backup"
    python = folder / ".venv" / "bin" / "python"
    for path in (script, python):
        path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEPLOY / "bin" / "galproject-backup", script)
    python.write_text(f'#!/bin/sh\n[ {status} = 0 ] && mkdir "$3"\nexit {status}\n')
    python.chmod(0o755)
    kept = folder / "backups"
    kept.mkdir(exist_ok=True)
    month = time.time() - 31 * 86_400
    for name in ("2026-10-01T143000", "others"):
        (kept / name).mkdir(exist_ok=True)
        os.utime(kept / name, (month, month))
    environment = {"PATH": os.environ["PATH"], "GALPROJECT_BACKUPS": str(kept)}
    run = subprocess.run([script, "14"], env=environment, check=False)
    return run.returncode, {path.name for path in kept.iterdir()}


def test_old_backups_go_once_a_new_one_is_whole(tmp_path):
    status, left = backup(tmp_path, status=1)
    assert status == 1 and left == {"2026-10-01T143000", "others"}
    status, left = backup(tmp_path, status=0)
    assert status == 0 and "2026-10-01T143000" not in left and "others" in left
    assert len(left) == 2
