"""How many queries something takes."""

from django.db import connection
from django.test.utils import CaptureQueriesContext


def n_queries_of(ask) -> int:
    """The number of queries that ``ask`` takes, without those of which the answer is kept."""
    ask()
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)
