"""What the many partitions of galsources cost: locks, planning, cones, and one more of them."""

import re
import statistics
from contextlib import closing

from django.db import OperationalError, connection, transaction

from benchmarks.survey_rows.layout import CROWDED
from exposures.models import GalField
from photometry.models import GalReference
from photometry.storage.lock_table import lock_table
from photometry.storage.partitions import attach_partition, create_table_to_attach, make_block

# Each needs locks of every partition.
STATEMENTS = {
    "select_without_id": "SELECT count(*) FROM galsources WHERE ra < 0",
    "join_by_id": (
        "SELECT count(*) FROM (SELECT refsource_id FROM galcandidates LIMIT 10) AS c"
        " JOIN galsources USING (refsource_id)"
    ),
    "create_index": "CREATE INDEX of_a_migration ON galsources (mjd)",
    "truncate": "TRUNCATE galsources",
    "drop": "DROP TABLE galsources CASCADE",
}
BY_ID = "EXPLAIN SELECT mjd, mag FROM galsources WHERE refsource_id = {}"
CONE = "SELECT refsource_id, mjd, mag FROM galsources_cone_light_curves(%s, %s, 1)"
USED = re.compile(r"!\t([\d.]+) s user, ([\d.]+) s system")
N_SESSIONS, N_PLANS, N_CONES, N_ATTACHED = 10, 20, 100, 5


def measure_statements(figures):
    """What statements about all partitions cost, and which find no room for their locks."""
    failed = []
    for name in STATEMENTS:
        seconds = figures.cost(name, lambda name=name: failed.extend(_failing([name])))
        figures.store(f"{name}_seconds", seconds)
    figures.store("failed_statements", failed)
    figures.store("wanted_max_locks_per_transaction", lock_table().wanted)


def measure_default_locks(figures):
    """Which statements fail on a server that was left with room for as many locks as by default."""
    figures.store("failed_statements_by_default", _failing(STATEMENTS))


def _failing(names):
    """The names of statements that find no room for their locks; the others are rolled back."""
    failed = []
    for name in names:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(STATEMENTS[name])
                transaction.set_rollback(True)
        except OperationalError as error:
            if "out of shared memory" not in str(error):
                raise
            failed.append(name)
    return failed


def measure_searches(figures):
    """A source by its id as each session plans it first, and then; a cone of many catalogues."""
    catalogue = GalReference.objects.order_by("pk")[GalReference.objects.count() // 2]
    found = [_planning_seconds(BY_ID.format(catalogue.id_range[0])) for _ in range(N_SESSIONS)]
    first, later = zip(*found, strict=True)
    figures.store("first_plan_ms", 1e3 * statistics.median(first))
    figures.store("plan_ms", 1e3 * statistics.median(later))
    place = GalField.objects.get(name=CROWDED)
    centre = [place.ra, place.dec]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM galreferences_touching(%s, %s, 1)", centre)
        figures.store("cone_catalogues", cursor.fetchone()[0])
        cursor.execute(CONE, centre)
        figures.store("cone_rows", len(cursor.fetchall()))

    def search():
        with connection.connection.cursor() as cursor:
            for _ in range(N_CONES):
                cursor.execute(CONE, centre)
                cursor.fetchall()

    search()
    figures.store("cone_ms", 1e3 * figures.cost("cone", search) / N_CONES)


def _planning_seconds(statement):
    """Processor time of the server for a plan in a session of its own: of the first, and later."""
    with closing(connection.copy()) as own, own.cursor() as cursor:
        cursor.execute("SET client_min_messages = log; SET log_statement_stats = on")
        seconds = []
        for _ in range(N_PLANS):
            own.connection.notices.clear()
            cursor.execute(statement)
            used = USED.search("".join(own.connection.notices))
            seconds.append(sum(map(float, used.groups())))
    return seconds[0], statistics.median(seconds[1:])


def measure_attachment(figures):
    """What it costs to attach a partition for one more catalogue; rolled back."""
    seconds = []
    for _ in range(N_ATTACHED):
        with transaction.atomic():
            last = GalReference.objects.order_by("-pk").first()
            catalogue = GalReference.objects.create(image=last.image, active=False)
            create_table_to_attach(catalogue, catalogue.partition, "INCLUDING ALL")
            make_block(catalogue)
            seconds.append(figures.cost("attach", attach_partition, catalogue))
            transaction.set_rollback(True)
    figures.store("attach_ms", 1e3 * statistics.median(seconds))
    figures.store("n_partitions", GalReference.objects.count())
