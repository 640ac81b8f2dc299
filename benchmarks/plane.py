"""The plane of all stars: how long 10 million of them take to be drawn, and to be chosen from.

Statistics of 63 catalogues of 160,000 stars (with --quick 4 of them) and 5,000 candidates in a
database of their own. Ends with one JSON line: ``plane_stars``; ``plane_seconds``, of the wall, for
the density of two statistics with the window that shows most stars and the candidates on it, ready
to be sent, and ``plane_cpu_seconds`` of processor time of it, the server's included; the same of a
part of the plane (``closer_``); ``lasso_seconds`` for a list of ``lasso_stars`` stars;
``rows_seconds`` for the density by PostgreSQL from the rows of galvariability instead;
``binning_seconds`` for the bins of a catalogue, of ``storing_seconds`` for its statistics in all,
and ``bytes_a_star`` of the bins; ``diagram_seconds`` for the published colours and magnitudes of
a catalogue's stars on the page of a candidate that nobody has looked at, and ``counting_seconds``
of processor time to count them anew, and all else that follows when matches change.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.contrib.auth import get_user_model
from django.db import connection
from tqdm import tqdm

from benchmarks.processor_time import server_seconds
from benchmarks.scratch import scratch_database
from photometry.science.matching.states import MatchState
from tests.builders.published_stars import make_published, match
from tests.builders.statistics_rows import make_statistics
from variables.candidates.published_diagram import published_diagram
from variables.derived.published import refresh_published
from variables.models import GalCandidate, GalVariability
from variables.planes.density import Limits, Plane, plane_data
from variables.planes.lasso import stars_inside
from variables.variability.axes import AXES
from variables.variability.binned_statistics import replace_bins
from variables.variability.storage import VARIABILITY_DTYPE

STARS, N_CANDIDATES = 160_000, 5000
X, Y = AXES["robust_mag"], AXES["excess_mag"]
REPEATS = 5
ROWS = """
SELECT width_bucket(robust_mag, 14, 22, 256), width_bucket(log(excess_mag), -3, 0, 256), count(*)
FROM galvariability WHERE excess_mag > 0 AND excess_mag <> 'NaN' GROUP BY 1, 2
"""
PUBLISHED_STARS = """
INSERT INTO galpublishedstars (id, ra, dec, catalogue_id, mag, mags, parallax, parallax_err)
SELECT {first} + n, 1, 1, {published}, mag, ARRAY[mag, mag + 0.4 * colour, mag - 0.6 * colour],
    random(), 0.04
FROM (
    SELECT n, (14 + 8 * random())::real AS mag, (1 + random())::real AS colour
    FROM generate_series(0, {stars} - 1) AS n
) AS made
"""
MATCHES = """
INSERT INTO galmatches
    (refsource_id, star_id, separation, probability, n_possible, catalogue_id, rank, state)
SELECT {source} + n, {first} + n, 0.02, 0.99, 1, {published}, 1, {matched}
FROM generate_series(0, {stars} - 1) AS n
"""
REGION = np.array([[15.0, 0.3], [19.0, 0.3], [19.0, 0.6], [15.0, 0.6]])


def make_candidates(catalogues):
    """Candidates among the stars of these catalogues, the same number in each."""
    GalCandidate.objects.bulk_create(
        GalCandidate(
            refsource_id=catalogue.id_range[0] + 7 * k,
            catalogue=catalogue,
            filter="i",
            ccdnum=1,
            n_epochs=40,
            n_changes=2,
            n_detections=2,
            max_significance=20 + k,
            **dict.fromkeys(("ra", "dec", "x", "y"), 1.0),
            **dict.fromkeys(("first_mjd", "last_mjd"), 60000.0),
        )
        for catalogue in catalogues
        for k in range(N_CANDIDATES // len(catalogues))
    )


def cost(work):
    """Median seconds of the wall and of processor time, the server's included."""
    work()
    seconds = []
    for _ in range(REPEATS):
        begun = time.perf_counter(), time.process_time() + server_seconds()
        work()
        ended = time.perf_counter(), time.process_time() + server_seconds()
        seconds.append(np.subtract(ended, begun))
    return np.median(seconds, axis=0).tolist()


def storing(n_stars):
    """Seconds of processor time that one catalogue's statistics take, and of these its bins."""
    begun = time.process_time() + server_seconds()
    catalogue = make_statistics(n_stars, "one more", filter="z")
    in_all = time.process_time() + server_seconds() - begun
    columns = GalVariability.objects.in_catalogue(catalogue.pk).order_by("pk").values_list()
    rows = np.array(list(columns), VARIABILITY_DTYPE)
    begun = time.process_time() + server_seconds()
    replace_bins(catalogue, rows)
    return in_all, time.process_time() + server_seconds() - begun


def match_all(reference):
    """A published catalogue with a star of each source of a reference, and their matches."""
    published = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    match(reference, published, [], [])
    with connection.cursor() as cursor:
        for statement in (PUBLISHED_STARS, MATCHES):
            cursor.execute(
                statement.format(
                    first=published.id_range[0],
                    source=reference.id_range[0],
                    published=published.pk,
                    stars=STARS,
                    matched=int(MatchState.MATCHED),
                )
            )
        cursor.execute("VACUUM ANALYZE galpublishedstars, galmatches")


def diagram_figures(reference):
    """Seconds for the diagram of a candidate as it is shown first, and to count it."""
    match_all(reference)
    counting = cost(lambda: refresh_published(reference.pk))[1]
    candidate = GalCandidate.objects.filter(catalogue=reference).first()
    return {
        "diagram_seconds": cost(lambda: json.dumps(published_diagram(candidate)))[0],
        "counting_seconds": counting,
    }


def from_rows():
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.fetchall()


def figures(n_catalogues):
    """What is measured, by name."""
    catalogues = [
        make_statistics(STARS, str(k), seed=k)
        for k in tqdm(range(n_catalogues), unit="catalogue", file=sys.stderr)
    ]
    make_candidates(catalogues)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # whose time would not be seen
        cursor.execute("SELECT sum(length(bins)) FROM galbinnedstatistics")
        (n_bytes,) = cursor.fetchone()
    user = get_user_model().objects.create_user("reader")
    ids = tuple(catalogue.pk for catalogue in catalogues)
    whole = Plane(ids, X, Y)
    part = Plane(ids, X, Y, Limits(17, 19), Limits(0.05, 0.5))
    seconds, cpu_seconds = cost(lambda: json.dumps(plane_data(whole, user)))
    closer, cpu_closer = cost(lambda: json.dumps(plane_data(part, user)))
    in_all, binning = storing(STARS)
    return {
        "plane_stars": n_catalogues * STARS,
        "plane_seconds": seconds,
        "plane_cpu_seconds": cpu_seconds,
        "closer_seconds": closer,
        "closer_cpu_seconds": cpu_closer,
        "lasso_stars": len(stars_inside(ids, X, Y, REGION)),
        "lasso_seconds": cost(lambda: stars_inside(ids, X, Y, REGION))[0],
        "rows_seconds": cost(from_rows)[0],
        "storing_seconds": in_all,
        "binning_seconds": binning,
        "bytes_a_star": n_bytes / (n_catalogues * STARS),
        **diagram_figures(catalogues[0]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="640,000 stars")
    n_catalogues = 4 if parser.parse_args().quick else 63
    with scratch_database("plane"):
        found = figures(n_catalogues)
    print(json.dumps({key: float(f"{value:.4g}") for key, value in found.items()}))


if __name__ == "__main__":
    main()
