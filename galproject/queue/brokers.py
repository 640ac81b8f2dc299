"""Brokers of the queue: many messages sent at once, and some before all others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import sleep

from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf

# When a message was put on the queue that goes before all those put there at a real time.
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
AT_ONCE = 1000  # messages
# In one statement, in which clusters that fetch at once pass over each other's messages.
FETCH = """
UPDATE django_q_ormq SET lock = %(until)s WHERE id IN (
    SELECT id FROM django_q_ormq WHERE key = %(key)s AND lock <= %(now)s
    ORDER BY lock, id LIMIT %(n)s FOR UPDATE SKIP LOCKED
) RETURNING id, payload
"""
# Objects of Django's take ten times as long.
PUT = """
INSERT INTO django_q_ormq (key, payload, lock)
SELECT %(key)s, payload, %(lock)s FROM unnest(%(payloads)s::text[]) WITH ORDINALITY
    AS sent (payload, number) ORDER BY number
"""


class DatabaseBroker(ORM):
    """The queue in the database: messages in the order in which they were sent."""

    def enqueue_all(self, messages: Sequence[str], first: bool = False) -> None:
        """Put signed messages on the queue, or ``first`` before all that is there."""
        self.get_connection()  # a new one where the last was lost
        values = {"key": self.list_key, "lock": FIRST if first else timezone.now()}
        with connections[Conf.ORM].cursor() as cursor:
            for start in range(0, len(messages), AT_ONCE):
                cursor.execute(PUT, values | {"payloads": messages[start : start + AT_ONCE]})

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Fetch messages, which are handed out again unless they are acknowledged in time."""
        self.get_connection()  # a new one where the last was lost
        with connections[Conf.ORM].cursor() as cursor:
            values = {"key": self.list_key, "n": Conf.BULK, "now": timezone.now()}
            cursor.execute(FETCH, values | {"until": self.timeout(None)})
            fetched = cursor.fetchall()
        if not fetched:
            sleep(Conf.POLL)
        return fetched or None

    def is_empty(self) -> bool:
        """Whether no message is left to be fetched."""
        waiting = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now())
        return not waiting.exists()


class RedisBroker(Redis):
    """The queue in Redis, in which a message is gone once it is fetched."""

    def enqueue_all(self, messages: Sequence[str], first: bool = False) -> None:
        """Put signed messages on the queue, or ``first`` before all that is there."""
        push = self.connection.lpush if first else self.connection.rpush
        for start in range(0, len(messages), AT_ONCE):
            push(self.list_key, *messages[start : start + AT_ONCE])

    def is_empty(self) -> bool:
        """Whether no message is left to be fetched."""
        return not self.connection.llen(self.list_key)
