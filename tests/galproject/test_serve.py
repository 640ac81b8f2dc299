"""The web server and the workers start and stop together."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from gzip import decompress
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from benchmarks.private_server import private_server
from benchmarks.queue_night import NightFiles, queue_night
from galproject.management.commands.serve import users_told

SECONDS = 60


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A migrated database of its own, as a server's processes keep connections to it."""
    try:
        with private_server() as server:
            files = NightFiles(tmp_path_factory.mktemp("serve"))
            with queue_night(server, "served", files) as night:
                yield night.environment()
    except LookupError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def site(environment):
    """The address of a running web server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    process = serve(environment, number, "--no-workers")
    wait_for_page(number)
    yield f"http://127.0.0.1:{number}"
    process.terminate()
    process.communicate(timeout=SECONDS)


def serve(environment, port, *words):
    return subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port), *words],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_page(port):
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/login/", timeout=SECONDS) as page:
                return page.read().decode()
        except URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def children_of(pid):
    """Every process below one."""
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, told.splitlines())}
    below = {pid}
    for _ in parents:
        below |= {child for child, parent in parents.items() if parent in below}
    return below - {pid}


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_both_start_and_stop_cleanly(environment, port, how):
    process = serve(environment, port)
    assert "<title>" in wait_for_page(port)
    # The web server and its worker; the cluster, its sentinel, workers, monitor and pusher.
    end = time.monotonic() + SECONDS
    while len(children := children_of(process.pid)) < 8 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(children) >= 8
    process.send_signal(how)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in output
    assert not [pid for pid in children if is_running(pid)]


def test_one_that_ends_by_itself_takes_the_other_along(environment, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        process = serve(environment, port)
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "Ended without being asked to: web server" in output


@pytest.mark.django_db
def test_it_says_who_can_log_in_and_how_to_make_somebody_who_can():
    User.objects.create_user("gone", password="one of gone", is_active=False)
    User.objects.create_user("service", password=None)
    assert "createsuperuser" in users_told() and "gone" not in users_told()
    User.objects.create_user("annie", password="one of annie")
    assert "Log in as annie;" in users_told() and "createsuperuser" not in users_told()
    for number in range(9):
        User.objects.create_user(f"b{number}", password="one of many")
    assert "and others" in users_told()


def get(url, **headers):
    with urlopen(Request(url, headers=headers), timeout=SECONDS) as response:
        return response.headers, response.read()


def test_scripts_come_compressed_and_are_kept_for_good_under_names_that_change_with_them(site):
    _, page = get(f"{site}/login/")
    own = re.findall(r"/static/[^\"]+", page.decode())
    assert len(own) >= 3
    for address in own:
        headers, body = get(site + address, **{"Accept-Encoding": "gzip"})
        assert re.search(r"\.[0-9a-f]{12}\.(css|js|svg)$", address)
        assert "immutable" in headers["Cache-Control"] and "max-age=315" in headers["Cache-Control"]
        assert headers["Content-Encoding"] == "gzip"
        # Who takes no compressed one gets the same.
        assert decompress(body) == get(site + address)[1]


def collected_scripts(site):
    """{name: name with its hash} of what the server collected."""
    folder = max((settings.BASE_DIR / "data/static").glob("[!.]*"), key=lambda f: f.stat().st_mtime)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.js")]
    hashed = [name for name in names if re.search(r"\.[0-9a-f]{12}\.js$", name)]
    return {re.sub(r"\.[0-9a-f]{12}\.js$", ".js", name): name for name in hashed}


def test_bokeh_takes_a_third_of_its_bytes_and_scripts_import_each_other_by_hash(site):
    scripts = collected_scripts(site)
    bokeh = f"{site}/static/{scripts['bokeh/bokeh.min.js']}"
    headers, body = get(bokeh, **{"Accept-Encoding": "gzip, br"})
    assert len(body) < 0.3 * len(get(bokeh)[1]) and "immutable" in headers["Cache-Control"]
    _, sheet = get(f"{site}/static/{scripts['vetting-sheet.js']}")
    assert f'from "./{scripts["vetting.js"]}"' in sheet.decode()
    assert not re.search(r'from "\./[\w-]+\.js"', sheet.decode())
