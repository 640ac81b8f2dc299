"""The reading of requests: who sends half of one, or takes no answer, is left after a while."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from exposures.management.numbers import WholeNumber
from galproject.site import web_worker
from galproject.site.processes import default_processes

HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Part: a"
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAIT_SECONDS = 20
QUICK = web_worker.ConnectionLimits(
    request_seconds=0.3, idle_seconds=1.0, stuck_seconds=0.3, look_seconds=0
)
PATIENT = replace(QUICK, request_seconds=WAIT_SECONDS)


@pytest.fixture
def site(request):
    """A server of two threads in this process; what it runs is the event's to let end."""
    limits = getattr(request, "param", QUICK)
    let_go, is_over = threading.Event(), threading.Event()

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow/":
            let_go.wait(WAIT_SECONDS)
        start_response("200 OK", [])
        return [b"here"]

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        threads, connections = ThreadedTaskDispatcher(), {}
        threads.set_thread_count(2)
        server = web_worker.BoundedServer(
            application,
            limits=limits,
            map=connections,
            _sock=listening,
            dispatcher=threads,
            adj=Adjustments(**web_worker.adjustments(2, limits)),
            sockinfo=(listening.family, None, None, listening.getsockname()),
            bind_socket=False,
        )
        server.let_go, server.port = let_go, listening.getsockname()[1]
        loop = threading.Thread(target=run, args=(connections, is_over))
        loop.start()
        yield server
        let_go.set()
        is_over.set()
        loop.join()
        threads.shutdown()
        wasyncore.close_all(connections)


def run(connections, is_over):
    while not is_over.is_set():
        wasyncore.loop(0.05, True, connections, count=1)


def connect(site, sent=b""):
    client = socket.create_connection(("127.0.0.1", site.port), timeout=WAIT_SECONDS)
    client.sendall(sent)
    return client


def is_answered(client):
    """Whether all of the answer comes."""
    answer = b""
    while not answer.endswith(b"here") and (part := client.recv(1000)):
        answer += part
    return answer.endswith(b"here")


def test_a_request_that_trickles_in_is_ended_however_often_a_byte_comes(site):
    with connect(site, HALF) as client:
        started = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - started < WAIT_SECONDS:
                client.sendall(b"a")
                time.sleep(0.05)


@pytest.mark.parametrize("site", [replace(PATIENT, max_request_bytes=100_000)], indirect=True)
def test_a_chunk_whose_size_never_ends_is_cut_off(site):
    chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(site, chunked) as client, pytest.raises(ConnectionError):
        for _ in range(1000):
            client.sendall(b"0" * 1000)
            time.sleep(0.001)


def test_whoever_sends_a_whole_request_is_answered_and_may_ask_again(site):
    with connect(site, WHOLE) as client:
        assert is_answered(client)
        time.sleep(0.5)  # longer than one request may take to arrive
        client.sendall(WHOLE)
        assert is_answered(client)


def test_a_connection_without_a_request_is_closed_in_the_end(site):
    with connect(site) as client:
        assert client.recv(1) == b""


@pytest.mark.parametrize("site", [replace(PATIENT, max_connections=20)], indirect=True)
def test_too_many_half_requests_leave_room_for_a_whole_one(site):
    half = [connect(site, HALF) for _ in range(60)]
    try:
        with connect(site, WHOLE) as client:
            assert is_answered(client)
    finally:
        for client in half:
            client.close()


def test_who_has_no_free_thread_leaves_new_clients_to_other_processes(site):
    slow = [connect(site, WHOLE.replace(b"/", b"/slow/", 1)) for _ in range(2)]
    end = time.monotonic() + WAIT_SECONDS
    while site.has_free_thread() and time.monotonic() < end:
        time.sleep(0.01)
    assert not site.readable()
    site.let_go.set()
    for client in slow:
        assert is_answered(client)
        client.close()
    with connect(site, WHOLE) as client:
        assert is_answered(client)


def test_a_request_without_an_answer_for_long_is_noticed(site):
    with connect(site, WHOLE.replace(b"/", b"/slow/", 1)):
        end = time.monotonic() + WAIT_SECONDS
        while not site.is_stuck(time.time()) and time.monotonic() < end:
            time.sleep(0.05)
        assert site.is_stuck(time.time()) and site.is_busy()
        site.let_go.set()
        while site.is_busy() and time.monotonic() < end:
            time.sleep(0.05)
        assert not site.is_stuck(time.time())


FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))
from galproject.site.web_worker import adjustments
print(adjustments(threads=2)["connection_limit"])
"""


def test_half_of_the_files_that_a_process_may_open_are_for_connections():
    process = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, check=True)
    assert int(process.stdout) == 250


def test_there_are_two_processes_at_least_and_few_more():
    assert 2 <= default_processes() <= 4


@pytest.mark.parametrize("text", ["0", "-1", "1e3", "65", "9" * 1000, "", "²", "1.5"])
def test_a_number_of_processes_has_bounds(text):
    with pytest.raises(Exception, match="whole number from 1 to 64"):
        WholeNumber(1, 64)(text)


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("127.0.0.1", "https", "https"),
        ("::1", "https, http", "https"),
        ("127.0.0.1", "http", "http"),
        ("127.0.0.1", "garbage,,", "http"),
        ("192.0.2.1", "https", "http"),
    ],
)
def test_a_proxy_on_this_machine_says_whether_it_was_https(peer, told, scheme):
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_PROTO": told, "wsgi.url_scheme": "http"}
    application = web_worker.trusting_local_proxy(lambda environ, _: environ["wsgi.url_scheme"])
    assert application(environ, None) == scheme
