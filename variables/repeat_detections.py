"""How many objects were detected as variable how many times."""

from django.db import connection

# Sources of catalogues that were replaced are the same stars again, under other ids.
ALL_CHANGES = """
SELECT n_changes, count(*)
FROM galcandidates c JOIN galreferences r ON r.id = c.catalogue_id AND r.active
WHERE (%(filter)s IS NULL OR c.filter = %(filter)s)
GROUP BY 1 ORDER BY 1
"""
DETECTIONS = """
SELECT n_detections, count(*)
FROM galcandidates c JOIN galreferences r ON r.id = c.catalogue_id AND r.active
WHERE n_detections > 0 AND NOT is_flagged AND (%(filter)s IS NULL OR c.filter = %(filter)s)
GROUP BY 1 ORDER BY 1
"""


def count_repeat_detections(filter=None, believed_only=True) -> list[tuple[int, int]]:
    """Pairs of a number of detections, from 1, and of how many objects have that number.

    ``filter`` limits it to references in one filter; what fails a cut or is flagged is left out
    unless ``believed_only`` is False. An object is a reference source: one star has one in each
    filter.
    """
    with connection.cursor() as cursor:
        cursor.execute(DETECTIONS if believed_only else ALL_CHANGES, {"filter": filter})
        return cursor.fetchall()
