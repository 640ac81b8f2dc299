"""Functions that run at once, each with a database session of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

SECONDS = 30


def at_once(*acts):
    """What functions gave that were called at once, each with a session of its own."""
    together = Barrier(len(acts), timeout=SECONDS)

    def run(act):
        together.wait()
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result(SECONDS) for done in [pool.submit(run, act) for act in acts]]
