"""Published catalogues: how long they take to load.

``load_10_million_s`` is the time, beyond that for a hundred rows, in which ``load_catalogue`` loads
10 million rows of gaia_source from Parquet files of a million, indexed, their coverage measured and
in use: as many as were loaded (``load_rows``), scaled. ``load_processor_s`` is what the command and
PostgreSQL take of a processor for as many, ``load_peak_mb`` the command's memory.
``load_million_text_s`` is the time for a million rows of gzipped ECSV, as Gaia's bulk files are,
``load_million_fits_s`` that of FITS whose rows are in no order on the sky, which are put in order.

    python benchmarks/published_loads.py [--quick]
"""

import argparse
import json
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection

from benchmarks.scratch import manage, scratch_database
from tests.builders.published_files import gaia_table, write_gaia, write_parquet

SEED = 20261129
WIDTH = 3.0  # degrees, of the square with a million stars


@dataclass(frozen=True)
class Sizes:
    """How much is loaded."""

    n_files: int = 10
    n_rows: int = 1_000_000  # a file
    n_other: int = 1_000_000  # rows of each other format


QUICK = Sizes(2, 100_000, 100_000)
FEW = 100  # rows


def tell(text):
    print(text, file=sys.stderr, flush=True)


def strip(number, n_rows):
    """Stars of a square beside those of others, in strips of declination as archives have them."""
    table = gaia_table(n_rows, seed=SEED + number, centre=(200.0 + 4 * number, -40.0), width=WIDTH)
    table["source_id"] = 10**15 * (number + 1) + np.arange(n_rows)
    return table[np.argsort(np.round(table["dec"], 1), kind="stable")]


def processor_seconds():
    """What commands and sessions of PostgreSQL that have ended took of a processor."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        parent = stat_of(cursor.fetchone()[0])[1]
    ended = sum(stat_of(parent)[13:15]) / os.sysconf("SC_CLK_TCK")
    return own.ru_utime + own.ru_stime + ended


def stat_of(pid):
    """The numbers of /proc/PID/stat from the state on, which is left out as 0."""
    return [0, *map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:])]


def measured(url, *arguments):
    """A command's seconds, seconds of a processor with PostgreSQL's, and megabytes."""
    before = processor_seconds()
    run = manage(url, "load_catalogue", *arguments)
    return np.array([run.seconds, processor_seconds() - before, run.peak_mb])


def measure_loads(url, folder, sizes):
    """The figures of loads in each format."""
    files = [folder / f"part{k:02d}.parquet" for k in range(sizes.n_files)]
    for number, path in enumerate(files):
        write_parquet(strip(number, sizes.n_rows), path)
    n_rows = sizes.n_files * sizes.n_rows
    tell(f"loading {n_rows:,} rows of Parquet")
    # What a command takes without rows: its share of few would be large.
    few = folder / "few.parquet"
    write_parquet(strip(0, FEW), few)
    start = np.min([measured(url, "gaia_dr3", few, "--release", k) for k in "abc"], axis=0)
    start[2] = 0
    seconds, used, peak_mb = measured(url, "gaia_dr3", *files, "--release", "parquet") - start
    other = strip(0, sizes.n_other)
    figures = {
        "load_rows": n_rows,
        "load_10_million_s": round(seconds * 1e7 / n_rows, 1),
        "load_processor_s": round(used * 1e7 / n_rows, 1),
        "load_peak_mb": round(peak_mb),
    }
    scattered = other[np.random.default_rng(SEED).permutation(len(other))]
    # Over all of the sky, so that one row lies far from the next.
    scattered["ra"] = np.random.default_rng(SEED).uniform(0, 360, len(other))
    for key, table, name in (("text", other, "a.ecsv.gz"), ("fits", scattered, "a.fits")):
        path = write_gaia(table, folder / name)
        tell(f"loading {len(table):,} rows of {name}")
        seconds, _, _ = measured(url, "gaia_dr3", path, "--release", key) - start
        figures[f"load_million_{key}_s"] = round(seconds * 1e6 / len(table), 1)
    return figures


def figures(quick=False) -> dict:
    """All figures by their names; of fewer rows where ``quick``."""
    with scratch_database("loads") as url, tempfile.TemporaryDirectory() as folder:
        return measure_loads(url, Path(folder), QUICK if quick else Sizes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows")
    print(json.dumps(figures(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
