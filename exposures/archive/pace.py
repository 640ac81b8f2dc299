"""Connections that are closed when bytes arrive too slowly on average."""

import socket
import threading
from contextlib import contextmanager, suppress

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import InvalidChunkLength
from urllib3.response import HTTPResponse

from exposures.archive.errors import SlowError

WATCHER = "pace of a connection"  # name of the threads that watch


class ByteCount:
    """A count of received bytes that another thread watches."""

    def __init__(self):
        self.n_bytes = 0
        self.is_too_slow = False


@contextmanager
def watched(shut_down, policy):
    """Yield a ByteCount to report bytes to; ``shut_down()`` is called if they are too slow.

    A timeout of the socket alone would wait for ever for a server that sends a byte now and then.
    Raises SlowError in place of whatever the end of the connection raises.
    """
    pace, has_ended = ByteCount(), threading.Event()

    def watch():
        n_before = 0
        least = policy.slowest_bytes_per_second * policy.pace_seconds
        while not has_ended.wait(policy.pace_seconds):
            if pace.n_bytes - n_before < least:
                pace.is_too_slow = True
                with suppress(OSError, ValueError, RuntimeError):  # it ended by itself meanwhile
                    shut_down()
                return
            n_before = pace.n_bytes

    watcher = threading.Thread(target=watch, name=WATCHER, daemon=True)
    watcher.start()
    try:
        yield pace
    except Exception as error:
        if pace.is_too_slow:
            raise _slow(policy) from error
        raise
    finally:
        has_ended.set()
    if pace.is_too_slow:  # a body without a length ends like one that is whole
        raise _slow(policy)


def _slow(policy):
    return SlowError(
        f"less than {policy.slowest_bytes_per_second / 1000:g} kB a second came for "
        f"{policy.pace_seconds:g} s"
    )


class _Response(HTTPResponse):
    """urllib3's response, bounded where it would take a chunk of -1 bytes for everything."""

    def _update_chunk_length(self):
        super()._update_chunk_length()
        if self.chunk_left is not None and self.chunk_left < 0:
            raise InvalidChunkLength(self, str(self.chunk_left).encode())


class _Watched:
    """A connection whose answer must begin in time."""

    policy = None

    def getresponse(self):
        def shut_down():
            self.sock.shutdown(socket.SHUT_RD)

        with watched(shut_down, self.policy):
            response = super().getresponse()
        response.__class__ = _Response  # urllib3 gives no other way to choose it
        return response


class WatchedAdapter(HTTPAdapter):
    """An adapter of requests that uses watched connections."""

    def __init__(self, policy):
        names = {"policy": policy}
        self._pools = {
            scheme: type("Pool", (pool,), {"ConnectionCls": type("C", (_Watched, kind), names)})
            for scheme, pool, kind in (
                ("http", HTTPConnectionPool, HTTPConnection),
                ("https", HTTPSConnectionPool, HTTPSConnection),
            )
        }
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args, **kwargs):
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager
