"""Settings of PostgreSQL's planner for queries of which we know more than its statistics say."""

from contextlib import contextmanager

from django.db import connection, transaction

# The rows are few in the order of an index: walk it, and stop where there are enough.
IN_ORDER = {
    "enable_sort": "off",
    "enable_incremental_sort": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
}
# The rows are few in all: find them by indexes, together, whatever statistics say of their number.
# In the memory of most servers a bitmap of millions forgets rows and keeps whole pages, of which
# each row is looked at. Pages of tables that people look at are in memory: where one costs as much
# as four in a row, each condition is looked up, however many rows fit it. Conditions that no row
# can fit together, as a part of an order with a filter of its column, are not looked up at all.
BY_INDEXES = {
    "constraint_exclusion": "on",
    "enable_seqscan": "off",
    "work_mem": "'64MB'",
    "random_page_cost": "1.1",
    "cpu_index_tuple_cost": "0.03",
}
# Few rows have an index of their own: read these, rather than find more of them by others.
BY_OWN_INDEX = {"enable_bitmapscan": "off", "enable_seqscan": "off"}

# What is near each of many rows is found by the index of positions. A table of which was counted
# that it is empty is read as a whole for each row until it is counted again, large as it may be.
BY_POSITION = {"enable_seqscan": "off"}


@contextmanager
def planned(settings):
    """Run queries with some of the planner's settings changed: {name: value as SQL has it}.

    A way that is off is used nevertheless where a query can't do without it.
    """
    with transaction.atomic():
        _set(settings)
        yield
        _set(dict.fromkeys(settings, "DEFAULT"))


def _set(settings):
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = {to}" for name, to in settings.items()))
