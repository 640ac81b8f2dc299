"""The web server and the workers start and stop together."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from gzip import decompress
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from benchmarks.queue_night import NightFiles, queue_night
from galproject.management.commands.serve import login_text
from tests.builders.migrated_server import migrated_server

SECONDS = 60
TOKEN = "of-prometheus-only-0123456789"


@pytest.fixture(scope="module")
def environment(template, tmp_path_factory):
    """A migrated database of its own, as a server's processes keep connections to it."""
    try:
        with migrated_server(template) as server:
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
def server(environment):
    """A running web server of two processes of four threads: its process, its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    measured = environment | {"GALPROJECT_METRICS_TOKEN": TOKEN}
    process = serve(measured, number, "--no-workers", "--processes", "2", "--threads", "4")
    wait_for_page(number)
    yield process, number
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=SECONDS)


@pytest.fixture(scope="module")
def site(server):
    """The address of a running web server."""
    return f"http://127.0.0.1:{server[1]}"


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


def test_both_start_and_stop_cleanly(environment, port):
    process = serve(environment, port)
    assert "<title>" in wait_for_page(port)
    # The web server and its worker; the cluster, its sentinel, workers, monitor and pusher.
    end = time.monotonic() + SECONDS
    while len(children := children_of(process.pid)) < 8 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(children) >= 8
    process.terminate()
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in output
    address, who, *_ = output.splitlines()
    assert address == f"http://127.0.0.1:{port}/  (Ctrl-C stops it)" and "log in" in who.lower()
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
    assert "createsuperuser" in login_text() and "gone" not in login_text()
    User.objects.create_user("annie", password="one of annie")
    assert "Log in as annie;" in login_text() and "createsuperuser" not in login_text()
    for number in range(9):
        User.objects.create_user(f"b{number}", password="one of many")
    assert "and others" in login_text()


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


N_THREADS = 8  # of both processes
PROMPT_SECONDS = 5  # for a page of 20 ms, on a machine that does much else


def seconds_of_page(site):
    started = time.monotonic()
    assert b"<title>" in get(f"{site}/login/")[1]
    return time.monotonic() - started


@contextmanager
def connections(port, n, sent):
    """Clients that send something and then wait."""
    with ExitStack() as opened:
        clients = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(n)
        ]
        for client in clients:
            client.sendall(sent)
        time.sleep(0.2)  # to be read
        yield clients


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /login/ HTTP/1.1\r\nHost: localhost\r\nX-Part: a",
        b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nusername=",
        b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\na",
    ],
    ids=["nothing", "half a header", "a body shorter than its length", "half a chunk"],
)
def test_clients_that_send_half_a_request_keep_nobody_waiting(server, site, sent):
    with connections(server[1], 5 * N_THREADS, sent):
        assert max(seconds_of_page(site) for _ in range(3)) < PROMPT_SECONDS


def test_clients_that_take_no_answer_keep_nobody_waiting(server, site):
    script = collected_scripts(site)["bokeh/bokeh.min.js"]
    ask = f"GET /static/{script} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connections(server[1], 3 * N_THREADS, ask):
        assert max(seconds_of_page(site) for _ in range(3)) < PROMPT_SECONDS


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Large": "a" * 100_000}, 431),
        ({f"X-{number}": "a" * 100 for number in range(1000)}, 431),
        ({"Content-Length": "1000000000000"}, 413),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "9" * 5000}, 400),
        ({"Content-Length": "five"}, 400),
        ({"Content-Length": "5", "Transfer-Encoding": "gzip"}, 501),
    ],
)
def test_what_is_too_large_or_no_length_at_all_is_refused_at_once(server, headers, status):
    lines = [f"{name}: {value}" for name, value in ({"Host": "localhost"} | headers).items()]
    request = "\r\n".join(["POST /login/ HTTP/1.1", *lines, "", ""]).encode()
    with connections(server[1], 1, request) as (client,):
        client.settimeout(PROMPT_SECONDS)
        assert client.recv(100).split()[1] == str(status).encode()


def test_a_process_that_hangs_stops_nobody(server, site):
    """As one does that computes in C with the interpreter's lock held: it reads nothing more."""
    (master,) = [pid for pid in children_of(server[0].pid) if children_of(pid)]
    hanging, _ = children_of(master)
    os.kill(hanging, signal.SIGSTOP)
    try:
        assert max(seconds_of_page(site) for _ in range(10)) < PROMPT_SECONDS
    finally:
        os.kill(hanging, signal.SIGCONT)


def logins_counted(site):
    """How often the login page was answered, as all processes together say."""
    _, text = get(f"{site}/metrics", Authorization=f"Bearer {TOKEN}")
    name = "django_http_responses_total_by_status_view_method_total"
    labels = '{method="GET",status="200",view="login"}'
    (value,) = re.findall(rf"^{name}{re.escape(labels)} (\S+)$", text.decode(), re.M)
    return float(value)


def test_pages_of_all_processes_are_counted_whichever_is_asked_and_whichever_dies(server, site):
    before = logins_counted(site)
    for _ in range(8):
        get(f"{site}/login/")
    assert {logins_counted(site) for _ in range(4)} == {before + 8}
    (master,) = [pid for pid in children_of(server[0].pid) if children_of(pid)]
    os.kill(min(children_of(master)), signal.SIGKILL)
    assert logins_counted(site) == before + 8


def test_ctrl_c_stops_the_web_server_as_cleanly(server):
    """The last, as the server is the others' too."""
    process, _ = server
    children = children_of(process.pid)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert children and not [pid for pid in children if is_running(pid)]
    assert "Traceback" not in output
