"""Overlaps of images with references, by one query for many."""

from django.db import connection

from exposures.q3c import shares_sky_sql
from exposures.science.footprints import MAX_DEGREES

BOTH_WAYS = shares_sky_sql("i", "n")
# The widest is joined: a subquery among its arguments would keep q3c_join from using the index.
NEAR = f"""
CROSS JOIN (
    SELECT max(radius) AS radius FROM galimages WHERE radius <= {MAX_DEGREES}
) AS widest
JOIN galimages i ON q3c_join(n.ra, n.dec, i.ra, i.dec, n.radius + widest.radius)"""
OVERLAPPING = f"""
SELECT DISTINCT i.id FROM galimages n
JOIN galexposures m ON m.id = n.exposure_id
{NEAR}
JOIN galexposures e ON e.id = i.exposure_id AND e.filter = m.filter
WHERE n.id = ANY(%s) AND n.footprint IS NOT NULL AND i.footprint IS NOT NULL
    AND i.id <> n.id AND {BOTH_WAYS}
"""
STRANDED = f"""
WITH depending AS (
    SELECT DISTINCT c.image_id AS id FROM galcoverages c
    JOIN galreferences r ON r.id = c.catalogue_id AND r.active
    WHERE r.image_id = ANY(%(withdrawn)s) AND c.image_id <> ALL(%(chosen)s)
)
SELECT count(*) FROM depending WHERE id NOT IN (
    SELECT n.id FROM depending JOIN galimages n USING (id)
    JOIN galexposures m ON m.id = n.exposure_id
    {NEAR}
    JOIN galexposures e ON e.id = i.exposure_id AND e.filter = m.filter
    WHERE (i.is_reference AND i.status <> 'failed' OR i.id = ANY(%(chosen)s))
        AND i.id <> ALL(%(withdrawn)s) AND i.footprint IS NOT NULL AND {BOTH_WAYS}
)
"""


def ids_overlapping(image_ids) -> set[int]:
    """Ids of the images in the same filter that share sky with any of these."""
    with connection.cursor() as cursor:
        cursor.execute(OVERLAPPING, [list(image_ids)])
        return {pk for (pk,) in cursor.fetchall()}


def count_stranded(withdrawn_ids, chosen_ids=()) -> int:
    """Count the search images that would be left without a reference.

    Images in ``chosen`` already count as references.
    """
    ids = {"withdrawn": list(withdrawn_ids), "chosen": list(chosen_ids)}
    with connection.cursor() as cursor:
        cursor.execute(STRANDED, ids)
        return cursor.fetchone()[0]
