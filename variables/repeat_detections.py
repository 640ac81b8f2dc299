"""How many objects were detected as variable how many times."""

from django.db import connection

# Sources of catalogues that were replaced are the same stars again, under other ids.
REPEATS = """
SELECT n_detections, count(*)
FROM (
    SELECT v.refsource_id, count(*) AS n_detections
    FROM galvarobjs v
    JOIN galreferences r ON r.id = v.refsource_id >> 20 AND r.active
    JOIN galimages i ON i.id = v.galimage_id
    JOIN galexposures e ON e.id = i.exposure_id
    WHERE (%(filter)s IS NULL OR e.filter = %(filter)s)
        AND (v.failed_cuts = 0 OR NOT %(believed_only)s)
    GROUP BY v.refsource_id
) AS objects
GROUP BY n_detections
ORDER BY n_detections
"""


def count_repeat_detections(filter=None, believed_only=True) -> list[tuple[int, int]]:
    """Pairs of a number of detections, from 1, and of how many objects have that number.

    ``filter`` limits it to images in one filter; detections that fail a cut are left out unless
    ``believed_only`` is False. An object is a reference source: one star has one in each filter.
    """
    with connection.cursor() as cursor:
        cursor.execute(REPEATS, {"filter": filter, "believed_only": believed_only})
        return cursor.fetchall()
