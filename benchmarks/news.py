"""The night's news: what 100 watched searches cost after a job, and how soon their mail is there.

On 200,000 made-up candidates, of which a job touches 2,000 (with --quick 20,000), in a database of
its own. Ends with one JSON line: ``watches_seconds`` (of processor time, the server's included, for
all watches), ``touching_seconds`` (of the write itself, which keeps what was before),
``watches_client_share``, ``watches_told``, and ``exposure_to_mail_seconds`` (on the clock, from a
stored exposure by a worker to the mail server of a watch).
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.release_figures.news import measure_mail, measure_watches
from benchmarks.scratch import scratch_database
from benchmarks.survey_figures.figures import Figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer candidates, below 50 s")
    n_candidates = 20_000 if parser.parse_args().quick else 200_000
    figures = Figures()
    with scratch_database("news") as url:
        measure_watches(figures, n_candidates)
        measure_mail(figures, url)
    print(json.dumps(figures.values))


if __name__ == "__main__":
    main()
