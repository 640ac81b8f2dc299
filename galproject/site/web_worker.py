"""gunicorn workers that read by waitress, so that only complete requests take a thread.

gunicorn starts the processes, replaces one that died or hangs, and stops them in order. Its own
threads read the request that they answer, so that a handful of clients that send half a request
and wait would have them all. waitress reads in one loop, without a thread, and keeps what is
answered until the client has taken it.
"""

import os
import resource
import time
from dataclasses import dataclass

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

LOOP_SECONDS = 1  # at most between two signs of life to gunicorn
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 4 * 1024**2  # Django's forms end at 2.5 MB, with a page that says so
MAX_KEPT_BYTES = 64 * 1024**2  # of an answer that its client is slow to take, on disk from 1 MB
THIS_MACHINE = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class ConnectionLimits:
    """How long, how large and how many the connections of a process may be."""

    request_seconds: float = 30  # for a request to arrive whole, from its first byte to its last
    idle_seconds: float = 60  # without a request, or while the client takes no more of an answer
    stuck_seconds: float = 120  # without a byte of an answer, whose process is then replaced
    look_seconds: int = 5  # between looks for such connections
    max_request_bytes: int = 2 * MAX_BODY_BYTES  # with whatever is round the body
    max_connections: int = 2000  # a file each, beside as many that are kept for other things


DEFAULT_LIMITS = ConnectionLimits()


class Parser(HTTPRequestParser):
    """A parser that also refuses lengths with too many digits."""

    def parse_header(self, header_plus):
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("Content-Length is invalid") from error


class BoundedChannel(HTTPChannel):
    """A connection that records since when it waits for the rest of a request."""

    parser_class = Parser
    request_began = None  # time of the first byte of a request that is not whole yet
    n_received = 0  # bytes of it

    def received(self, data):
        if self.request is None:
            self.request_began, self.n_received = time.time(), 0
        self.n_received += len(data)
        # Sizes of chunks have no bound of their own, and are kept until they end.
        self.will_close |= self.n_received > self.server.limits.max_request_bytes
        is_taken = super().received(data)
        if self.request is None:
            self.request_began = None
        return is_taken

    @property
    def waits_since(self):
        """The time since which the connection has sent nothing useful."""
        return self.request_began or self.last_activity

    def is_overdue(self, now):
        """Whether the client has used up its time to send the rest."""
        limits = self.server.limits
        if self.requests and not self.total_outbufs_len:
            return False
        if self.request_began and not self.requests:
            return now - self.request_began > limits.request_seconds
        return now - self.last_activity > limits.idle_seconds

    def is_stuck(self, now):
        """Whether a thread has worked on its request for too long."""
        has_task = self.requests and not self.total_outbufs_len
        return bool(has_task) and now - self.last_activity > self.server.limits.stuck_seconds


class BoundedServer(TcpWSGIServer):
    """A server that accepts connections only while a thread is free."""

    channel_class = BoundedChannel

    def __init__(self, application, *, limits=DEFAULT_LIMITS, **options):
        self.limits = limits
        super().__init__(application, **options)

    def readable(self):
        is_accepting = super().readable()
        if self.in_connection_overflow:
            self.close_longest_waiting()
        return is_accepting and self.has_free_thread()

    def has_free_thread(self):
        tasks = self.task_dispatcher
        return tasks.active_count + len(tasks.queue) < len(tasks.threads)

    def maintenance(self, now):
        for channel in self.active_channels.values():
            if channel.is_overdue(now):
                channel.will_close = True

    def close_longest_waiting(self):
        """Close a tenth of the idle connections when there are too many."""
        waiting = [channel for channel in self.active_channels.values() if not channel.requests]
        waiting.sort(key=lambda channel: channel.waits_since)
        for channel in waiting[: 1 + len(waiting) // 10]:
            channel.will_close = True

    def is_stuck(self, now):
        return any(channel.is_stuck(now) for channel in self.active_channels.values())

    def is_busy(self):
        """Whether requests are being answered or answers sent."""
        channels = list(self.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


class WebWorker(Worker):
    """A gunicorn worker in which waitress serves, with gunicorn's ``threads``."""

    def run(self):
        settings = Adjustments(**adjustments(self.cfg.threads))
        connections, threads = {}, ThreadedTaskDispatcher()
        threads.set_thread_count(self.cfg.threads)
        servers = [
            BoundedServer(
                trusting_local_proxy(self.wsgi),
                map=connections,
                _sock=listener.sock,
                dispatcher=threads,
                adj=settings,
                sockinfo=(listener.sock.family, None, None, listener.sock.getsockname()),
                bind_socket=False,
            )
            for listener in self.sockets
        ]
        while self.alive and self.ppid == os.getppid():
            if not any(server.is_stuck(time.time()) for server in servers):
                self.notify()
            wasyncore.loop(LOOP_SECONDS, True, connections, count=1)
        self._end(servers, connections)

    def _end(self, servers, connections):
        """Finish open requests, and accept no new ones."""
        for server in servers:
            server.accepting = False
        end = time.monotonic() + self.cfg.graceful_timeout
        while any(server.is_busy() for server in servers) and time.monotonic() < end:
            self.notify()
            wasyncore.loop(0.1, True, connections, count=1)


def adjustments(threads, limits=DEFAULT_LIMITS):
    """The settings of waitress."""
    return {
        "threads": threads,
        "ident": "galproject",
        "cleanup_interval": limits.look_seconds,
        "connection_limit": _raise_file_limit(2 * limits.max_connections) // 2,
        "max_request_header_size": MAX_HEADER_BYTES,
        "max_request_body_size": MAX_BODY_BYTES,
        "outbuf_high_watermark": MAX_KEPT_BYTES,
        "log_socket_errors": False,  # clients that go are nothing to tell
        "clear_untrusted_proxy_headers": False,  # which are believed, GALPROJECT_PROXIES says
    }


def trusting_local_proxy(application):
    """Trust a local proxy's header about HTTPS, as gunicorn's own workers do."""

    def serve(environ, start_response):
        first = environ.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip()
        if first == "https" and environ["REMOTE_ADDR"] in THIS_MACHINE:
            environ["wsgi.url_scheme"] = first
        return application(environ, start_response)

    return serve


def _raise_file_limit(n_wanted):
    """Raise the limit of open files as far as it may be; returns how many of those wanted fit."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_files = n_wanted if most == resource.RLIM_INFINITY else min(n_wanted, most)
    if now != resource.RLIM_INFINITY and now < n_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, most))
    return n_files
