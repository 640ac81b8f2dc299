"""Partitions of galsources of a made-up survey, with reference rows and some light curves."""

from django.db import connection, transaction

from photometry.models import GalReference
from photometry.storage.partitions import attach_partition, create_table_to_attach, make_block

N_WITH_LIGHT_CURVES = 64  # catalogues, those round the crowded position
AT_ONCE = 48  # catalogues in a transaction, for each of whose relations there is a lock

COLUMNS = """refsource_id, galimage_id, ra, dec, x, y, flux, flux_err, mag, mag_err, rchi2,
    fracflux, quality, flags, is_reference, mjd"""
REFERENCE_ROWS = """
INSERT INTO {partition} ({columns})
SELECT refsource_id, %(catalogue)s, ra, dec, x, y, 10 ^ (-0.4 * (mag - 30)), 80, mag, 0.01, 1, 0.9,
    1, 0, true, %(mjd)s
FROM fill.sources WHERE refsource_id BETWEEN %(first)s AND %(last)s AND kind <> 'new'
ORDER BY refsource_id
"""
LIGHT_CURVES = """
INSERT INTO {partition} ({columns})
SELECT refsource_id, i.id, s.ra, s.dec, x, y, 10 ^ (-0.4 * (mag - 30)), 80,
    mag + 0.01 * fill.normal(number * 32 + x.m, 160), 0.01, 1, 0.9, 1, 0,
    false, i.mjd
FROM fill.sources AS s
JOIN fill.epochs AS x USING (g)
JOIN fill.images AS i ON i.e = x.e AND i.chip = s.chip AND i.status = 'done'
WHERE s.refsource_id BETWEEN %(first)s AND %(last)s AND kind <> 'new'
"""
NEAREST = """
SELECT i.id FROM fill.images AS i CROSS JOIN fill.crowded_position AS c
WHERE i.is_reference ORDER BY q3c_dist(i.ra, i.dec, c.ra, c.dec), i.id LIMIT %s
"""


def make_partitions():
    """Make and attach a partition for each catalogue."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        cursor.execute(NEAREST, [N_WITH_LIGHT_CURVES])
        with_curves = {pk for (pk,) in cursor.fetchall()}
    catalogues = list(GalReference.objects.order_by("pk"))
    for first in range(0, len(catalogues), AT_ONCE):
        with transaction.atomic(), connection.cursor() as cursor:
            for catalogue in catalogues[first : first + AT_ONCE]:
                _make(cursor, catalogue, catalogue.pk in with_curves)


def _make(cursor, catalogue, has_light_curves):
    first, last = catalogue.id_range
    create_table_to_attach(catalogue, catalogue.partition, "INCLUDING ALL")
    for rows in (REFERENCE_ROWS, LIGHT_CURVES) if has_light_curves else (REFERENCE_ROWS,):
        cursor.execute(
            rows.format(partition=catalogue.partition, columns=COLUMNS),
            {"first": first, "last": last, "catalogue": catalogue.pk, "mjd": catalogue.mjd},
        )
    make_block(catalogue)
    attach_partition(catalogue)
