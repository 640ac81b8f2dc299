"""How quickly the giant table takes chips and gives light curves, as it grows to its full size.

One reference catalogue and its epochs (160,000 sources, 100 epochs; with --quick 40,000 and 25) in
a database of its own. Ends with one JSON line: ``copy_fraction`` (speed of COPY of a chip into its
live partition against a bare COPY into an empty table without indexes, median of the last epochs;
``copy_fraction_first`` of the first), ``replace_fraction`` (the same of all that storing a chip
takes), ``bulk_create_ratio`` (Django's bulk_create into the same partition, time a row against that
COPY), ``light_curve_ms`` and ``cone_ms`` (arrays of 100 epochs by id, and of a cone of 1" with all
light curves in it; medians once in key order, ``*_before_ms`` before; ``*_sql_ms``: the same as
rows, in SQL by psycopg2, ``*_orm_ms``: as objects, by the querysets; ``round_trip_ms``: SELECT 1;
all of these with client and server on one core, ``*_two_cores_ms`` where the system puts them),
``bytes_per_row`` (heap and indexes as they are stored, ``bytes_per_row_clustered`` once in key
order), ``swap_lock_ms`` (the longest wait for a lock, as PostgreSQL tells it, of a reader who asks
all the time during a rewrite as by cluster_sources; ``reader_longest_ms`` is his longest wait for
an answer and ``bystander_longest_ms`` that of ``SELECT 1`` meanwhile, which no lock can hold up)
and ``cluster_lock_ms`` (the same during CLUSTER of one table with the same rows, the old way).
"""

import argparse
import json
import os
import re
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection, transaction
from tqdm import tqdm

from benchmarks.scratch import scratch_database
from photometry.models import GalSource
from photometry.storage import storage
from photometry.storage.clustering import rewrite
from photometry.storage.columns import SOURCE_DTYPE
from photometry.storage.light_curves import cone_light_curves, light_curve
from tests.builders.survey_rows import make_image, make_sources

N_BARE = 9  # epochs of which the bare COPY is timed, at the beginning and at the end
N_BULK = 10_000  # rows for bulk_create, which is slow
N_SEARCHES = 300
# As the README has them.
LIGHT_CURVE = "SELECT mjd, mag, mag_err FROM galsources WHERE refsource_id = %s ORDER BY mjd"
CONE = """
SELECT refsource_id, mjd, filter, mag, mag_err FROM galsources_cone_light_curves(%s, %s, 1)
"""
# So that the server tells of each wait for a lock of a millisecond or more.
LOCKS_TOLD = """
SET deadlock_timeout = '1ms'; SET log_lock_waits = on; SET client_min_messages = log;
SET lc_messages = 'C'
"""


@dataclass(frozen=True)
class Load:
    """Seconds that an epoch took."""

    replace: float  # all of replace_measurements
    copy: float  # COPY into the live partition
    bare: float  # COPY into an empty table; NaN where it was not timed


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


def execute(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else None


def timed(work, *arguments):
    """Seconds that a call takes."""
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def load_epochs(catalogue, n_epochs):
    """Store the epochs one after the other, as a worker does."""
    sources = storage.catalogue_sources(catalogue)
    rng = np.random.default_rng(1)
    timed_epochs = {*range(1, 1 + N_BARE), *range(n_epochs - N_BARE, n_epochs)}
    loads = []
    for epoch in tqdm(range(1, n_epochs), unit="epoch", desc="storing", file=sys.stderr):
        sources["mag"] += rng.normal(0, 0.01, len(sources))
        image = make_image(f"search {epoch}", mjd=60001.0 + epoch)
        with copy_timer() as copied:
            replace = timed(storage.replace_measurements, image, sources)
        bare = bare_copy(sources) if epoch in timed_epochs else np.nan
        loads.append(Load(replace, copied[0], bare))
    return loads


@contextmanager
def copy_timer():
    """Seconds of each COPY within the block."""
    seconds, original = [], storage.copy_in
    storage.copy_in = lambda *arguments: seconds.append(timed(original, *arguments))
    try:
        yield seconds
    finally:
        storage.copy_in = original


def bare_copy(sources):
    """Seconds of a COPY into an empty table without indexes, the whole as one transaction."""
    execute("CREATE TABLE bare (LIKE galsources)")
    try:
        return timed(storage.copy_in, "bare", sources)
    finally:
        execute("DROP TABLE bare")


def bulk_create_seconds(catalogue):
    """Seconds a row of Django's bulk_create into the same partition; rolled back."""
    sources = storage.catalogue_sources(catalogue)[:N_BULK]
    sources["galimage_id"], sources["is_reference"] = 2**40, False
    columns = list(SOURCE_DTYPE.names)
    with transaction.atomic():
        started = time.perf_counter()
        GalSource.objects.bulk_create(
            GalSource(**dict(zip(columns, row, strict=True))) for row in sources.tolist()
        )
        seconds = time.perf_counter() - started
        transaction.set_rollback(True)
    return seconds / len(sources)


def searches(catalogue):
    """Ids and positions of sources at random, as parameters."""
    sources = storage.catalogue_sources(catalogue)
    some = sources[np.random.default_rng(2).integers(0, len(sources), N_SEARCHES)]
    ids = [(i,) for i in some["refsource_id"].tolist()]
    return ids, list(zip(some["ra"].tolist(), some["dec"].tolist(), strict=True))


@contextmanager
def one_core():
    """Keep this process, and the server's that answers it, on one core.

    On two, each answer waits for a core to wake up; on a virtual machine that takes 0.1 to 0.4 ms.
    """
    if (connection.settings_dict["HOST"] or "/")[0] != "/":
        say("the server may be on another host: the searches are not kept on one core")
        yield
        return
    [(server,)] = execute("SELECT pg_backend_pid()")
    everywhere = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(server, {min(everywhere)})
    except PermissionError:
        say("not root, nor the server's account: the searches are not kept on one core")
        yield
        return
    os.sched_setaffinity(0, {min(everywhere)})
    try:
        yield
    finally:
        for process in (0, server):
            os.sched_setaffinity(process, everywhere)


def search_ms(catalogue):
    """Median ms of light curves by id and of cones, and of the way to the database and back."""
    ids, positions = searches(catalogue)
    return {
        "light_curve": median_ms(light_curve, ids),
        "cone": median_ms(partial(cone_light_curves, radius_arcsec=1), positions),
        "light_curve_sql": median_ms(partial(ask, LIGHT_CURVE), ids),
        "cone_sql": median_ms(partial(ask, CONE), positions),
        "light_curve_orm": median_ms(objects_of_source, ids),
        "cone_orm": median_ms(objects_in_cone, positions),
        "round_trip": median_ms(partial(ask, "SELECT 1"), [()] * N_SEARCHES),
    }


def median_ms(search, searches):
    return 1e3 * statistics.median(timed(search, *asked) for asked in searches)


def ask(sql, *parameters):
    """Rows as psycopg2 gives them to somebody without Django."""
    with connection.connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall()


def objects_of_source(refsource_id):
    return list(GalSource.objects.light_curve(refsource_id))


def objects_in_cone(ra, dec):
    sources = GalSource.objects.cone(ra, dec, 1)
    return list(GalSource.objects.light_curves(source.refsource_id for source in sources))


def bytes_a_row(table):
    ((n_bytes, n_rows),) = execute(
        f"SELECT pg_total_relation_size('{table}'), count(*) FROM {table}"
    )
    return n_bytes / n_rows


class Reader(threading.Thread):
    """Somebody who asks one thing again and again, until the end of the block."""

    def __init__(self, query):
        super().__init__()
        self.query = query
        self.seconds = []  # that each answer took
        self.lock_ms = []  # of each wait for a lock, as the server tells it from 1 ms
        self._is_over = threading.Event()
        # Here, as Django keeps connections to the thread that made them.
        self._connection = connection.copy()
        self._cursor = self._connection.cursor()
        self._cursor.execute(LOCKS_TOLD)
        self._cursor.execute(query)

    def run(self):
        while not self._is_over.is_set():
            self.seconds.append(timed(self._cursor.execute, self.query))
            self._read_notices()
            time.sleep(0.0005)

    def _read_notices(self):
        notices = self._connection.connection.notices
        acquired = [re.search(r"acquired \w+ on .* after ([\d.]+) ms", text) for text in notices]
        self.lock_ms += [float(wait[1]) for wait in acquired if wait]
        notices.clear()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        if not self.is_alive():
            raise RuntimeError(f"nobody asked until the end: {self.query}")
        self._is_over.set()
        self.join()
        self._connection.close()

    @property
    def longest_ms(self):
        return 1e3 * max(self.seconds)

    @property
    def longest_lock_ms(self):
        return max(self.lock_ms, default=0.0)


def reader_of(table, catalogue):
    return Reader(f"SELECT count(*) FROM {table} WHERE refsource_id = {catalogue.id_range[0]}")


def cluster_the_old_way(catalogue):
    """Seconds that CLUSTER of one table with the same rows takes, and a reader beside it."""
    execute(f"CREATE TABLE old_way AS SELECT * FROM {catalogue.partition}")
    execute("ALTER TABLE old_way ADD PRIMARY KEY (refsource_id, galimage_id)")
    execute("CREATE INDEX ON old_way (q3c_ang2ipix(ra, dec))")
    execute("ANALYZE old_way")
    with reader_of("old_way", catalogue) as reader:
        seconds = timed(execute, "CLUSTER old_way USING old_way_pkey")
    execute("DROP TABLE old_way")
    return seconds, reader


def rewritten(catalogue):
    """The report of a rewrite, a reader beside it, and somebody who asks nothing of the table."""
    with (
        reader_of("galsources", catalogue) as reader,
        Reader("SELECT 1") as bystander,
        tqdm(unit="row", unit_scale=True, desc="rewriting", file=sys.stderr) as bar,
    ):
        done = rewrite(catalogue, progress=bar)
    return done, reader, bystander


def speeds(loads):
    """Median fractions of the speed of the bare COPY next to it, of epochs."""
    return (
        statistics.median(load.bare / load.copy for load in loads),
        statistics.median(load.bare / load.replace for load in loads),
    )


def measure(n_sources, n_epochs):
    """All figures, in the order in which a survey meets them."""
    image = make_image("reference", is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(n_sources), {}, "benchmark")
    loads = load_epochs(catalogue, n_epochs)
    copy_fraction, replace_fraction = speeds(loads[-N_BARE:])
    copy_seconds = np.median([load.copy for load in loads[-N_BARE:]]) / n_sources
    figures = {
        "n_rows": n_sources * n_epochs,
        "copy_fraction": copy_fraction,
        "copy_fraction_first": speeds(loads[:N_BARE])[0],
        "replace_fraction": replace_fraction,
        "copy_rows_a_second": 1 / copy_seconds,
        "bulk_create_ratio": bulk_create_seconds(catalogue) / copy_seconds,
        "bytes_per_row": bytes_a_row(catalogue.partition),
    }
    say("searching")
    execute(f"VACUUM ANALYZE {catalogue.partition}")
    with one_core():
        before = search_ms(catalogue)
    say("clustering, the old way")
    old_way_seconds, old_way_reader = cluster_the_old_way(catalogue)
    done, reader, bystander = rewritten(catalogue)
    with one_core():
        after = search_ms(catalogue)
    two_cores = search_ms(catalogue)
    cone_lengths = [len(execute(CONE, *position)) for position in searches(catalogue)[1]]
    return figures | {
        **{f"{name}_ms": ms for name, ms in after.items()},
        **{f"{name}_two_cores_ms": ms for name, ms in two_cores.items()},
        "cone_n_rows": statistics.median(cone_lengths),
        "light_curve_before_ms": before["light_curve"],
        "cone_before_ms": before["cone"],
        "swap_lock_ms": reader.longest_lock_ms,
        "reader_longest_ms": reader.longest_ms,
        "reader_median_ms": 1e3 * statistics.median(reader.seconds),
        "bystander_longest_ms": bystander.longest_ms,
        "rewrite_seconds": done.seconds,
        "pages_before": done.before.pages,
        "pages_after": done.after.pages,
        "cluster_lock_ms": old_way_reader.longest_lock_ms,
        "cluster_seconds": old_way_seconds,
        "bytes_per_row_clustered": bytes_a_row(catalogue.partition),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a million rows")
    n_sources, n_epochs = (40_000, 25) if parser.parse_args().quick else (160_000, 100)
    with scratch_database("storage"):
        figures = measure(n_sources, n_epochs)
    print(json.dumps({key: float(f"{value:.4g}") for key, value in figures.items()}))


if __name__ == "__main__":
    main()
