"""The web server and the workers start and stop together."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import settings

from benchmarks.private_server import private_server
from benchmarks.queue_night import NightFiles, queue_night

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
