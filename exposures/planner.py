"""Settings of PostgreSQL's planner for queries of which we know more than its statistics say."""

from contextlib import contextmanager

from django.db import connection, transaction

# The rows are few in the order of an index: walk it, and stop where there are enough.
IN_ORDER = ("enable_sort", "enable_incremental_sort", "enable_bitmapscan", "enable_seqscan")
# The rows are few in all: find them by indexes, together, whatever statistics say of their number.
BY_INDEXES = ("enable_seqscan",)
# Few rows have an index of their own: read these, rather than find more of them by others.
BY_OWN_INDEX = ("enable_bitmapscan", "enable_seqscan")


@contextmanager
def planned(without):
    """Run queries with some of the planner's ways switched off, by the names of their settings.

    Where a query can't do without them it uses them nevertheless.
    """
    with transaction.atomic():
        _set(without, "off")
        yield
        _set(without, "DEFAULT")


def _set(names, value):
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = {value}" for name in names))
