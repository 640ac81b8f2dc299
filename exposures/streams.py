"""Rows of a whole table or list, sent as they are read, however many there are."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice

from django.db import connection, transaction

from exposures.planner import planned

# The first rows soon, rather than all of them.
FIRST_SOON = {"cursor_tuple_fraction": "0.001"}


@contextmanager
def at_one_moment():
    """A transaction whose queries see the database as the first of them does, whoever writes.

    Within another transaction each query sees what was there when it began.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def streamed(parts, n_at_once) -> Iterator:
    """The rows of querysets that follow one another, ``n_at_once`` in memory.

    ``parts()`` gives each queryset with the planner's settings for it (``planned``). All are as
    they are at one moment, by a transaction that lasts as long as they are read. Outside of one the
    server would write all rows of a queryset to its disk before it gives the first.
    """
    with at_one_moment():
        for rows, settings in parts():
            # Closed before the transaction ends, also where nobody reads on.
            with closing(rows.iterator(n_at_once)) as found:
                with planned(settings):
                    first = list(islice(found, 1))
                yield from first
                yield from found
