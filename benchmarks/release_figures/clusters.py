"""How fast statistics of all light curves of an export are computed by LSDB on Dask."""

import importlib.util
import time
import warnings

from variables.science.exported.images import ExportedImages
from variables.science.exported.partitions import OF_STATISTICS, statistics_of_pixel

NAMES = (
    *("statistics_rows_a_second", "statistics_rows_a_second_1", "statistics_rows_a_second_2"),
    "two_workers_over_one",
)
REPEATS = 8
# Workers keep the memory of a pixel for the next, Arrow's and of arrays, as docs/bulk.md has it.
ENVIRONMENT = {
    "MIMALLOC_PURGE_DELAY": "-1",
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
}
HAS_LSDB = importlib.util.find_spec("lsdb") is not None


def measure_statistics(figures, folder, n_rows):
    """Compute the statistics of an export in this process, by one worker and by two."""
    if not HAS_LSDB:  # requirements-bulk.txt
        for name in NAMES:
            figures.store(name, None)
        return
    warnings.simplefilter("ignore")
    work = _statistics(folder)
    figures.store("statistics_rows_a_second", n_rows / _processor_seconds(work))
    rates = {n: n_rows / seconds for n, seconds in _seconds_by_workers(work)}
    for n, rate in rates.items():
        figures.store(f"statistics_rows_a_second_{n}", rate)
    figures.store("two_workers_over_one", rates[2] / rates[1])


def _statistics(folder):
    import lsdb

    images = ExportedImages.read(folder)
    survey = lsdb.open_catalog(folder, columns=list(OF_STATISTICS))
    found = survey.map_partitions(statistics_of_pixel, images=images)
    return found[["source_id", "chi2_nu"]]


def _processor_seconds(work):
    """Of all of it in this process, once functions are compiled."""
    import dask

    with dask.config.set(scheduler="synchronous"):
        work.compute()
        started = time.process_time()
        work.compute()
        return time.process_time() - started


def _seconds_by_workers(work):
    """(n, processor time of the busiest) of one worker and two: all, where each has a core."""
    import dask
    from dask.distributed import Client

    settings = {f"distributed.nanny.pre-spawn-environ.{k}": v for k, v in ENVIRONMENT.items()}
    with (
        dask.config.set(settings),
        Client(n_workers=1, threads_per_worker=1, dashboard_address=":0") as client,
    ):
        for n in (1, 2):
            client.cluster.scale(n)
            client.wait_for_workers(n)
            yield n, _busiest(client, work)


def _busiest(client, work):
    """Seconds, the least of some repeats: functions are compiled the first time."""
    seconds = []
    for _ in range(1 + REPEATS):
        before = client.run(time.process_time)
        work.compute()
        after = client.run(time.process_time)
        seconds.append(max(after[worker] - before[worker] for worker in after))
    return min(seconds[1:])
