"""What a survey of 2,000 exposures costs on one server: pages, lists, commands and the queue.

124,000 chips, 5,952 reference catalogues, 2 million candidates with 10 million changes, 1 million
votes and 3 million lines of logs are made up (fill_survey.py) on a server of its own, set up as
docs/storage.md has it; with --quick a twentieth of them. Ends with one JSON line. Seconds
and milliseconds are processor time, the server's included: medians, or the ``_worst`` of several
and what it was.

``failed_statements`` about all partitions that found no room for their locks, with the server's
settings as they should be, ``failed_statements_by_default`` with PostgreSQL's own, and the
``wanted_max_locks_per_transaction``; ``first_plan_ms`` of a source by its id in a session,
``plan_ms`` of the next; ``cone_ms`` of a cone with light curves in ``cone_catalogues``;
``attach_ms`` of one partition more than ``n_partitions``; ``home_seconds`` and so on of pages,
``other_pages_``, ``exports_`` (of the first piece), ``api_lists_``, ``api_cones_``, ``late_pages_``
(after 1,000) and ``tables_`` (of the admin) of the others; ``filters_``, ``columns_``,
``three_filters_`` and ``sorts_`` of the first page of candidates; ``reprocess_dry_run_seconds``,
``crossmatch_filters_dry_run_seconds``, ``propose_flags_seconds`` (of all exposures),
``refresh_candidates_seconds`` (of all catalogues by every 24th, where all rows differ from
what is stored and are written anew), ``refresh_candidates_again_seconds`` (where none does);
``sweep_10_waiting_ms`` and ``sweep_100_waiting_ms``, with so many exposures
waiting; ``enqueue_seconds`` for ``n_enqueued`` chips, and ``enqueue_wait_seconds`` of the wall for
whoever asks; ``chips_a_second`` of the wall, of 32 workers on chips that end at once, and
``chip_of_workers_ms`` of processor time for each, theirs and the server's; ``interrupted``: what
took longer than its limit, so that its figure is too small.
"""

import argparse
import gc
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "galproject.settings")
for library in ("OMP", "OPENBLAS", "MKL"):  # as manage.py has it
    os.environ[f"{library}_NUM_THREADS"] = "1"

from benchmarks.private_server import private_server  # noqa: E402

QUICK_SHARE = 0.05
# Combinations of three filters, and values of each alone; None is all.
N_LISTS, N_QUICK_LISTS = (300, None), (20, 1)
N_CHIPS, N_QUICK_CHIPS = 1000, 80  # of the workers
# A server's for a survey, without other work meanwhile.
SETTINGS = {
    "max_locks_per_transaction": 1024,
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "autovacuum": "off",
}


@contextmanager
def filled_survey(share):
    """A made-up survey in Django's database, on a server of its own that is gone at the end."""
    with private_server(**SETTINGS) as server:
        server.sql("CREATE DATABASE survey")
        url = server.url("survey")
        os.environ["DATABASE_URL"] = url
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)

        from benchmarks.survey_rows.filling import fill, to_stderr
        from benchmarks.survey_rows.size import SurveySize

        fill(SurveySize.of_share(share), to_stderr)
        yield server
        connection.close()


@contextmanager
def there_already(url):
    """A filled survey in Django's database, by its URL."""
    os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    yield None


def measure(quick, figures):
    """All figures, by name: what changes the survey comes last."""
    from django.db import connection

    import galproject.urls  # noqa: F401
    from benchmarks.survey_figures import candidate_lists, commands, pages, queue, sources_table

    # As the web server's processes have it: garbage is not looked for in what pages are made of.
    gc.collect()
    gc.freeze()
    with connection.cursor() as cursor:
        # Helpers' time would not be seen.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SET max_parallel_maintenance_workers = 0")
    sources_table.measure_searches(figures)
    sources_table.measure_attachment(figures)
    sources_table.measure_statements(figures)
    pages.measure_pages(figures)
    candidate_lists.measure_lists(figures, *(N_QUICK_LISTS if quick else N_LISTS))
    commands.measure_dry_runs(figures)
    queue.measure_sweep(figures)
    queue.measure_enqueueing(figures)
    queue.measure_workers(figures, N_QUICK_CHIPS if quick else N_CHIPS)
    commands.measure_derivations(figures)
    figures.store("interrupted", figures.interrupted)


def measure_by_default(server, figures):
    """What is otherwise where nobody has given the server room for locks."""
    from django.db import connection

    from benchmarks.survey_figures.sources_table import measure_default_locks

    connection.close()
    server.stop("fast")
    server.start()
    measure_default_locks(figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the survey")
    parser.add_argument(
        "--filled",
        metavar="URL",
        help="measure this filled database, of a superuser, and change it",
    )
    arguments = parser.parse_args()
    share = QUICK_SHARE if arguments.quick else 1.0
    survey = filled_survey(share) if arguments.filled is None else there_already(arguments.filled)
    with survey as server:
        from benchmarks.survey_figures.figures import Figures

        figures = Figures()
        measure(arguments.quick, figures)
        if server is not None:
            measure_by_default(server, figures)
    print(json.dumps({name: _rounded(value) for name, value in figures.values.items()}))


def _rounded(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
