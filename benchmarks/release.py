"""How the survey leaves: exports for LSDB and Dask, and how soon its news are told.

A made-up survey of four chips (25,000 sources, 100 epochs each; with --quick two of 5,000) in a
database of its own. Ends with one JSON line: ``export_rows_a_second`` (measurements that
export_catalogue writes in a second of processor time, the server's included), ``bytes_a_row`` (of
mjd, mag, mag_err, flux, flux_err, flags in the files; ``file_bytes_a_row``: all that is there, the
margin cache too), ``equal_share`` (of measurements that are those of the database bit for bit),
``increment_share`` (pixels that are written again after one more exposure of one chip, of all;
``increment_touched_share``: of those that it touches), ``increment_seconds`` and
``nothing_new_seconds`` (processor time of these exports), ``export_peak_mb`` (memory of this
process meanwhile); and, where requirements-bulk.txt is installed, else null,
``statistics_rows_a_second`` (measurements whose statistics LSDB has in a second of processor time,
files read and decoded, in this process), ``statistics_rows_a_second_1`` and ``_2`` (by one and two
workers of a Dask cluster: of processor time of the busiest, the least of eight) and
``two_workers_over_one``; and what benchmarks/news.py has, of 100,000 candidates (with --quick
5,000).
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection

from benchmarks.release_figures.clusters import measure_statistics
from benchmarks.release_figures.exports import measure_export
from benchmarks.release_figures.made_up import make_chips
from benchmarks.release_figures.news import measure_mail, measure_watches
from benchmarks.scratch import scratch_database
from benchmarks.survey_figures.figures import Figures
from galproject.backup.bars import bar
from galproject.export.exporting import ExportOptions

N_EPOCHS = 100


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer sources, below 50 s")
    is_quick = parser.parse_args().quick
    n_chips, n_sources = (2, 5_000) if is_quick else (4, 25_000)
    # A pixel a chip, whatever its size: a little smaller than they are by default, and workers have
    # as much to do each.
    options = ExportOptions(max_rows=n_sources * N_EPOCHS)
    figures = Figures()
    with scratch_database("release") as url, tempfile.TemporaryDirectory() as folder:
        catalogues = make_chips(n_chips, n_sources, N_EPOCHS)
        # As a survey's tables are: who reads rows first after they were written marks them, too.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        n_rows = measure_export(figures, Path(folder), catalogues, options, bar)
        measure_statistics(figures, Path(folder), n_rows)
        measure_watches(figures, 5_000 if is_quick else 100_000)
        measure_mail(figures, url)
    print(json.dumps(figures.values))


if __name__ == "__main__":
    main()
