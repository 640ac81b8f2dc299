"""A small night whose queue is in Redis; skips where redis-server is not installed."""

import shutil
import subprocess
import time
from contextlib import closing

import pytest
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.queue_night import queue_night, simulate
from galproject.queue.brokers import RedisBroker
from tests.builders.migrated_server import migrated_server

PROGRAM = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no redis-server: apt install redis")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """The address of a server of these tests' own, which keeps nothing and has no port."""
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    words = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", socket.parent]
    server = subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL)
    url = f"unix://{socket}"
    try:
        with closing(Redis.from_url(url)) as client:
            wait_for(client)
        yield url
    finally:
        server.terminate()
        server.wait()


def wait_for(client, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            return client.ping()
        except RedisError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture
def broker(redis_url, monkeypatch):
    monkeypatch.setattr("django_q.brokers.redis_broker.Conf.REDIS", redis_url)
    broker = RedisBroker("tried")
    yield broker
    broker.delete_queue()


def test_messages_come_in_their_order_but_for_those_that_go_first(broker):
    assert broker.is_empty()
    broker.enqueue_all([str(n) for n in range(2500)])
    broker.enqueue_all(["first"], first=True)
    assert broker.queue_size() == 2501
    fetched = [broker.dequeue()[0][1].decode() for _ in range(2501)]
    assert fetched == ["first", *map(str, range(2500))]
    assert broker.is_empty()


def test_a_night_goes_through_a_queue_in_redis(template, redis_url, tmp_path, monkeypatch):
    monkeypatch.setenv("GALPROJECT_REDIS_URL", redis_url)
    files = simulate(tmp_path / "night", epochs=2, chips=1)
    try:
        with migrated_server(template) as server, queue_night(server, "redis", files) as night:
            night.ask()
            with night.cluster():
                night.finish()
            states = "SELECT status, count(*) FROM galimages GROUP BY 1"
            assert night.query(states) == [("done", 3)]
            assert night.query("SELECT count(*) FROM django_q_ormq") == [(0,)]
    except LookupError as reason:
        pytest.skip(str(reason))
