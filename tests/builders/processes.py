"""Functions that run at once, each in a process and with a database session of its own."""

from multiprocessing import get_context

from django.db import connections

SECONDS = 30


def in_processes(*acts):
    """Call functions at once, each in a forked process; the parent must be in no transaction.

    Raises AssertionError with what went wrong in any.
    """
    context = get_context("fork")
    together, outcome = context.Barrier(len(acts)), context.SimpleQueue()
    children = [
        context.Process(target=_run, args=(act, together, outcome), daemon=True) for act in acts
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(SECONDS)
    assert [child.exitcode for child in children] == [0] * len(acts)
    outcomes = [outcome.get() for _ in acts]
    assert not any(outcomes), outcomes


def _run(act, together, outcome):
    for inherited in connections.all():
        inherited.connection = None  # psycopg2 closes no session that another process opened
    try:
        together.wait(SECONDS)
        act()
    except Exception as error:
        outcome.put(repr(error))
    else:
        outcome.put("")
    finally:
        connections.close_all()
