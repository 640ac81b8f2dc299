"""TAP over a release: the descriptor for DaCHS, what it is filled by, and queries of pyvo."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import psycopg2
import pyarrow.parquet as pq
import pytest
import pyvo
import requests
from django.core.management import call_command
from django.db import connection

from photometry.storage.light_curves import light_curve
from tests.builders.candidates import make_candidate

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "dachs"
WORDS = ("--title=T", "--creator=A", "--publisher=P", "--rights=CC0-1.0")


def program(name):
    """A program of the folder, as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def loader():
    return program("load_release")


@pytest.fixture
def star(db):
    return make_candidate(3)


@pytest.fixture
def release(star, tmp_path):
    """A release of a catalogue of five sources at four epochs."""
    call_command("export_catalogue", tmp_path, "--release=dr1", *WORDS, verbosity=0)
    return tmp_path / "releases" / "dr1"


def test_the_descriptor_has_the_columns_of_an_export():
    written = program("write_descriptor").descriptor()
    assert (FOLDER / "q.rd").read_text() == written, "run deploy/dachs/write_descriptor.py"


def test_a_release_is_loaded_whole_and_again(loader, release, star):
    images = pq.read_schema(release / "images.parquet").names
    assert list(loader.read_descriptor()[1][3].columns) == images
    facts = connection.get_connection_params()
    names = {name: facts[name] for name in ("dbname", "host", "port", "user") if facts.get(name)}
    with closing(psycopg2.connect(**names)) as own, own.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (owner,) = cursor.fetchone()
        try:
            for _ in range(2):
                n_rows = loader.load(release, own, owner)
            assert n_rows == {"sources": 5, "epochs": 20, "nondetections": 0, "images": 4}
            cursor.execute(
                "SELECT e.mag, s.ra FROM galproject.epochs e JOIN galproject.sources s "
                "USING (source_id) WHERE source_id = %s ORDER BY mjd",
                [star.pk],
            )
            mags, ras = zip(*cursor.fetchall(), strict=True)
            np.testing.assert_allclose(mags, light_curve(star.pk)["mag"], rtol=1e-6)
            assert set(ras) == {star.ra}
        finally:
            own.rollback()
            cursor.execute("DROP SCHEMA IF EXISTS galproject CASCADE")
            own.commit()


# --- DaCHS itself


def run(*words, **environment):
    """Run a program as a user that PostgreSQL takes."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_user, *words], env=os.environ | environment, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def cluster(folder):
    """A PostgreSQL cluster of its own; what reaches its database gavo."""
    programs, port = Path(run("pg_config", "--bindir").stdout.strip()), free_port()
    data, options = str(folder / "cluster"), f"-p {port} -k {folder} -c fsync=off"
    run(str(programs / "initdb"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", data)
    log = str(folder / "log")
    run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", log, "-o", options, "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "gavo")
        yield f"host=127.0.0.1 port={port} dbname=gavo"
    finally:
        run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def tap(loader, release):
    """A TAP service of DaCHS over the release; skips where DaCHS can't be set up."""
    if shutil.which("dachs") is None:
        pytest.skip("DaCHS is not installed: apt-get install gavodachs2-server")
    folder, port = Path(tempfile.mkdtemp()), free_port()
    try:
        (folder / "gavorc").write_text(
            f"[general]\nrootDir: {folder}/gavo\ngroup: postgres\n"
            f"[web]\nbindAddress: 127.0.0.1\nserverPort: {port}\n"
            f"serverURL: http://127.0.0.1:{port}\n"
        )
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        with cluster(folder) as dsn:
            yield from serving(folder, dsn, port, loader, release)
    finally:
        shutil.rmtree(folder)


def serving(folder, dsn, port, loader, release):
    """Set DaCHS up as the documents say, and serve until the test is over."""
    known = {"GAVOSETTINGS": str(folder / "gavorc"), "HOME": str(folder)}
    with closing(psycopg2.connect(f"{dsn} user=postgres")) as own, own.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION pg_sphere")
        except psycopg2.Error as error:
            pytest.skip(f"pg_sphere can't be made here: {error}")
        own.rollback()
        run("dachs", "init", "-d", dsn, **known)
        run("dachs", "imp", "//obscore", **known)
        place = folder / "gavo" / "inputs" / "galproject"
        place.mkdir()
        shutil.copy(FOLDER / "q.rd", place)
        loader.load(release, own, "gavoadmin")
    run("dachs", "imp", "-I", str(place / "q.rd"), **known)
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*as_user, "dachs", "serve", "debug"]
    with open(folder / "serve.log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | known, stdout=log, stderr=log, cwd="/")
    try:
        yield when_it_answers(f"http://127.0.0.1:{port}/tap", server)
    finally:
        server.terminate()
        server.wait()


def when_it_answers(url, server):
    for _ in range(300):
        assert server.poll() is None
        try:
            if requests.get(f"{url}/availability").ok:
                return pyvo.dal.TAPService(url)
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("DaCHS doesn't answer")


# Some 15 s with a cluster and a server of its own, where DaCHS is there.
def test_adql_finds_a_cone_and_joins_light_curves(tap, star):
    cone = f"1 = CONTAINS(POINT(ra, dec), CIRCLE({star.ra}, {star.dec}, 0.0005))"
    near = tap.search(f"SELECT source_id FROM galproject.sources WHERE {cone}")
    assert near["source_id"].tolist() == [star.pk]
    curve = tap.search(
        "SELECT e.mjd, e.mag FROM galproject.sources AS s JOIN galproject.epochs AS e "
        f"ON s.source_id = e.source_id WHERE {cone} ORDER BY e.mjd"
    )
    np.testing.assert_allclose(curve["mag"], light_curve(star.pk)["mag"], rtol=1e-6)
    units = {one.name: one.unit for one in tap.tables["galproject.sources"].columns}
    assert units["ra"] == "deg" and units["mean_mag"] == "mag"
