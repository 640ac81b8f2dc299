"""The pinned packages are whole, the settings find the database, the cluster looks after itself."""

import importlib.util
import os
import re
import signal
import stat
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.db.utils import load_backend
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from exposures.errors import GalprojectError
from galproject.configuration.secret_key import secret_key_in
from galproject.site.checks import database_has_q3c, q3c_errors
from galproject.site.database_url import database_from

PROJECT = Path(__file__).resolve().parents[2]
# What crowdsourcephoto declares and nothing here calls.
LEFT_OUT = {"tensorflow", "keras", "scikit-image", "guppy3"}


def manage(*words, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def pinned(*files):
    """Versions by canonical package name, of requirements files."""
    lines = [
        line
        for name in files or ("requirements.txt", "requirements-dev.txt")
        for line in (PROJECT / name).read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    return {canonicalize_name(name): pin for name, pin in (line.split("==") for line in lines)}


def needed_by(package):
    for requirement in map(Requirement, requires(package) or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def test_requirements_are_whole_but_for_what_crowdsource_does_not_use():
    packages = pinned()
    missing = {(package, needed) for package in packages for needed in needed_by(package)}
    missing = {(package, needed) for package, needed in missing if needed not in packages}
    assert missing <= {("crowdsourcephoto", package) for package in LEFT_OUT}


def test_installed_versions_are_the_pinned_ones():
    packages = pinned()
    assert {name: version(name) for name in packages} == packages


def test_packages_of_the_documentation_are_those_of_the_other_lists_where_these_have_them():
    others, docs = pinned(), pinned("requirements-docs.txt")
    shared = others.keys() & docs.keys()
    assert shared and {name: docs[name] for name in shared} == {n: others[n] for n in shared}


def test_tensorflow_is_not_installed():
    assert importlib.util.find_spec("tensorflow") is None


def test_continuous_integration_runs_what_the_readme_says():
    lines = (PROJECT / ".ci/run").read_text().splitlines()
    assert lines[-1] == "exec make test"
    assert "make lint check" in lines


@pytest.mark.parametrize(("is_required", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_without_a_browser_its_tests_are_skipped_but_fail_where_it_is_required(
    tmp_path, is_required, outcome
):
    words = [sys.executable, "-m", "pytest", "tests/browser/test_work.py", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, "-k", "test_a_candidate_is_flagged"],
        cwd=PROJECT,
        env=os.environ | {"PATH": str(tmp_path), "GALPROJECT_REQUIRE_BROWSER": is_required},
        capture_output=True,
        text=True,
    )
    assert outcome in done.stdout
    assert done.returncode == bool(is_required)


def test_a_given_url_goes_before_the_projects_own(tmp_path):
    own = tmp_path / "url"
    own.write_text("postgresql:///own?host=/short/socket&user=me\n")
    given = database_from("postgres://u:p%40ss@db.example:5433/survey?sslmode=require", own)
    assert (given["HOST"], given["PORT"], given["NAME"]) == ("db.example", 5433, "survey")
    assert (given["USER"], given["PASSWORD"]) == ("u", "p@ss")
    assert given["OPTIONS"] == {"sslmode": "require", "options": "-c jit=off"}
    found = database_from("", own)
    assert (found["HOST"], found["USER"], found["NAME"]) == ("/short/socket", "me", "own")


def test_a_url_keeps_its_own_session_options(tmp_path):
    given = database_from("postgresql://h/db?options=-c%20work_mem=1GB", tmp_path / "url")
    assert given["OPTIONS"]["options"] == "-c work_mem=1GB -c jit=off"


def test_a_database_that_is_not_postgresql_is_refused(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"sqlite.*PostgreSQL with q3c"):
        database_from("sqlite:///survey.db", tmp_path / "url")


def test_without_a_database_only_connecting_fails_and_says_what_to_do(tmp_path):
    absent = database_from("", tmp_path / "url")
    wrapper = load_backend(absent["ENGINE"]).DatabaseWrapper(absent | {"OPTIONS": {}})
    assert wrapper.vendor == "postgresql"
    with pytest.raises(GalprojectError, match="scripts/database start"):
        wrapper.get_connection_params()


def test_the_development_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "key"
    key = secret_key_in(path)
    assert len(key) >= 50 and secret_key_in(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_task_is_handed_out_twice():
    queue = settings.Q_CLUSTER
    assert queue["timeout"] < queue["retry"]
    assert queue["max_attempts"] == 1 and queue["ack_failures"]
    assert queue["bulk"] == queue["queue_limit"] == 1


@pytest.mark.django_db
def test_the_database_has_q3c_and_no_jit():
    with connection.cursor() as cursor:
        cursor.execute("SELECT q3c_dist(0, 0, 0, 1), current_setting('jit')")
        assert cursor.fetchone() == (1.0, "off")


@pytest.mark.django_db
def test_the_test_database_passes_the_check():
    assert database_has_q3c(["default"]) == []


def test_a_database_without_q3c_is_refused_unless_it_can_be_made():
    assert q3c_errors("survey", "me", is_superuser=False, is_made=True, is_installed=True) == []
    assert q3c_errors("survey", "me", is_superuser=True, is_made=False, is_installed=True) == []
    (forbidden,) = q3c_errors("survey", "me", False, False, is_installed=True)
    assert "me may not" in forbidden.msg and "CREATE EXTENSION q3c" in forbidden.hint
    (absent,) = q3c_errors("survey", "me", True, False, is_installed=False)
    assert "postgresql-NN-q3c" in absent.hint


def test_a_database_that_is_down_is_one_message_without_a_traceback():
    url = "postgresql://me@127.0.0.1:1/survey"
    refused = manage("migrate", DATABASE_URL=url)
    assert refused.returncode == 1
    assert "No connection to the database" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.django_db
def test_migrations_are_complete():
    call_command("makemigrations", check=True, dry_run=True)


# --- scripts/database, on a cluster of the test's own ------------------------------------------


@pytest.fixture
def database(tmp_path):
    """Call a copy of scripts/database in a folder with spaces and a name too long for sockets."""
    sys.path.insert(0, str(PROJECT / "scripts"))
    from postgresql_server import installed_servers

    if not any(server.has_q3c() for server in installed_servers()):
        pytest.skip("no PostgreSQL with q3c on this machine")
    scripts = tmp_path / "a folder" / ("long" * 30) / "scripts"
    scripts.mkdir(parents=True)
    for name in ("database", "postgresql_server.py"):
        (scripts / name).write_bytes((PROJECT / "scripts" / name).read_bytes())
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    def call(*words, **more):
        command = [sys.executable, str(scripts / "database"), *words]
        return subprocess.run(command, env=env | more, capture_output=True, text=True)

    yield call
    call("destroy", "--yes")


def data_folder(status):
    return Path(re.search(r"in (.*?)(, postgresql:|$)", status.strip())[1]) / "data"


def test_the_cluster_starts_stops_and_survives_a_crash(database):
    assert database("status").returncode == 3
    assert "Started" in database("start").stdout
    assert "Already running" in database("start").stdout
    running = database("status")
    assert running.returncode == 0
    socket = Path(re.search("host=([^&]+)", database("url").stdout)[1])
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    data = data_folder(running.stdout)
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700

    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert database("status").returncode == 3
    assert "Started" in database("start").stdout
    assert "Stopped" in database("stop").stdout
    assert "Stopped" in database("status").stdout
    assert not (socket / ".s.PGSQL.5432").exists()

    # Another process may have got the number since.
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    assert "Not running" in database("stop").stdout
    assert "Started" in database("start").stdout
    assert database("destroy").returncode == 1
    assert database("destroy", "--yes").returncode == 0
    assert not data.exists()


def test_a_given_database_leaves_the_projects_own_alone(database):
    given = database("start", DATABASE_URL="postgresql://elsewhere/db")
    assert given.returncode == 0 and "left alone" in given.stdout
    assert "Not made yet" in database("status").stdout


def test_a_cluster_of_a_version_that_is_not_here_is_explained(database):
    database("start")
    data = data_folder(database("status").stdout)
    database("stop")
    (data / "PG_VERSION").write_text("9\n")
    refused = database("start", PATH="/nowhere")
    assert refused.returncode == 1
    assert "made by PostgreSQL 9" in refused.stderr and "Traceback" not in refused.stderr
