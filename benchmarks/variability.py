"""Every star's variability: what its statistics cost.

One reference catalogue and its epochs (160,000 sources, 100 epochs; with --quick 40,000 and 25) in
a database of its own. Ends with one JSON line: ``statistics_rows`` measurements,
``statistics_seconds`` of processor time that their statistics take from table to table, the
server's included (``statistics_server_seconds``), and ``statistics_rows_a_second``.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection
from tqdm import tqdm

from benchmarks.scratch import scratch_database
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.science.variability.options import VariabilityOptions
from variables.variability.measuring import measure_variability

OPTIONS = VariabilityOptions()


def make_survey(n_sources, n_epochs):
    """A catalogue of constant stars with these epochs, its own image among them."""
    image = make_image("reference", is_reference=True)
    catalogue = storage.create_catalogue(image, make_sources(n_sources), {}, "benchmark")
    catalogue.refresh_from_db()
    sources = storage.catalogue_sources(catalogue)
    mag, rng = sources["mag"].copy(), np.random.default_rng(1)
    for epoch in tqdm(range(1, n_epochs), unit="epoch", desc="storing", file=sys.stderr):
        sources["mag"] = mag + rng.normal(0, 0.02, len(sources))
        storage.replace_measurements(make_image(f"search {epoch}", mjd=60000.0 + epoch), sources)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {catalogue.partition}")
    return catalogue


def server_seconds():
    """Seconds of processor time of the server's process that answers this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    # After the name, which may have blanks: user and system are the 14th and 15th.
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")


def cost(n_sources, n_epochs):
    """Figures of the statistics of a catalogue, from table to table."""
    catalogue = make_survey(n_sources, n_epochs)
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # whose time would not be seen
    measure_variability(catalogue, OPTIONS)  # with machine code made or loaded
    client, server = time.process_time(), server_seconds()
    measure_variability(catalogue, OPTIONS, again=True)
    in_server = server_seconds() - server
    seconds = time.process_time() - client + in_server
    return {
        "statistics_rows": n_sources * n_epochs,
        "statistics_seconds": seconds,
        "statistics_server_seconds": in_server,
        "statistics_rows_a_second": n_sources * n_epochs / seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a million rows")
    n_sources, n_epochs = (40_000, 25) if parser.parse_args().quick else (160_000, 100)
    with scratch_database("variability"):
        figures = cost(n_sources, n_epochs)
    print(json.dumps({key: float(f"{value:.4g}") for key, value in figures.items()}))


if __name__ == "__main__":
    main()
