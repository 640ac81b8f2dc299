"""A made-up survey in a database of its own, and the real server before it."""

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg2

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")

from django.conf import settings  # noqa: E402

from galproject.site.database_url import url_of  # noqa: E402

SECONDS = 60


@dataclass(frozen=True)
class Site:
    """Where the server listens, and who may log in."""

    url: str
    passwords: dict  # {name of the user: password}
    database_url: str


@contextmanager
def seeded_site(folder, candidates=300, sources=5000, pictures=200, template=None):
    """A running server over a made-up survey in a database that is dropped at the end.

    Pictures go to ``folder``: cutouts of so many candidates. The database is a copy of a
    ``template`` that has been migrated, where there is one.
    """
    with named_database(f"galproject_browser_{os.getpid()}") as (name, url):
        environment = {
            **os.environ,
            "GALPROJECT_DATABASE": name,
            "GALPROJECT_PICTURES": str(Path(folder) / "pictures"),
            "GALPROJECT_DEBUG": "",
            "PYTHONWARNINGS": "ignore",
        }
        size = {"candidates": candidates, "sources": sources, "pictures": pictures}
        make_database(name, template or "template1")
        if template is None:
            manage(environment, "migrate", "--verbosity", "0")
        told = manage(environment, "seed_demo", *(f"--{k}={n}" for k, n in size.items()))
        passwords = dict(re.findall(r"log in as (\w+) with the password (\w+)", told))
        with server(environment) as address:
            yield Site(address, passwords, url)


def manage(environment, *words):
    """Run a command of manage.py; what it writes."""
    done = subprocess.run(
        [sys.executable, PROJECT / "manage.py", *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {words[0]} failed: {done.stderr[-3000:]}")
    return done.stdout


@contextmanager
def named_database(name):
    """The name and the URL of a database that is still to be made, dropped at the end."""
    parameters = dict(settings.DATABASES["default"])
    try:
        yield name, url_of(parameters | {"NAME": name})
    finally:
        with maintenance(parameters) as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def make_database(name, template):
    """Make a database as a copy of one that nobody is connected to."""
    with maintenance(dict(settings.DATABASES["default"])) as cursor:
        cursor.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')


@contextmanager
def maintenance(parameters):
    """A cursor outside of any transaction, on the cluster's own database."""
    words = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = {word: parameters[key] for word, key in words.items() if parameters.get(key)}
    connection = psycopg2.connect(dbname="postgres", **given)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@contextmanager
def server(environment):
    """The web server as ``manage.py serve`` runs it; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, PROJECT / "manage.py", "serve", "--no-workers", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/login/", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


def wait_for(url, process):
    """Wait until a page is served."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(url, timeout=SECONDS):
                return
        except URLError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
