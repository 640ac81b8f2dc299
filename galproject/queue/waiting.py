"""Search exposures that wait for references of their field and filter."""

from collections.abc import Collection
from typing import Any

from django.db import connection

from exposures.models import GalExposure, GalImage, GalImageQuerySet
from galproject.configuration.loading import load_options

# Those that nobody has put on the queue yet count, too, in whatever order workers do it.
HELD_BACK = """
WITH open_references AS MATERIALIZED (
    SELECT id, filter, ra, dec FROM galexposures WHERE id IN (
        SELECT exposure_id FROM galimages
        WHERE is_reference AND status IN ('queued', 'waiting', 'working')
        UNION ALL
        SELECT galimages.exposure_id FROM galjobs, unnest(asked) AS image
        JOIN galimages ON galimages.id = image
        WHERE closed IS NULL AND asked IS NOT NULL AND is_reference)
)
SELECT id FROM galexposures e WHERE id = ANY (%(exposures)s) AND EXISTS (
    SELECT FROM open_references r
    WHERE r.filter = e.filter AND r.id <> e.id
    AND q3c_dist(e.ra, e.dec, r.ra, r.dec) <= %(reach)s)
"""


def references_near(exposure: GalExposure) -> GalImageQuerySet:
    """Reference images of other exposures in the same filter that may share sky with one."""
    reach = load_options().fields.reach_degrees
    references = GalImage.objects.references().of_exposures_near(exposure, reach)
    others: GalImageQuerySet = references.exclude(exposure=exposure)
    return others


def held_back(exposure_ids: Collection[int]) -> set[int]:
    """Those of exposures that have a reference near which is asked for and not at an end."""
    if not exposure_ids:
        return set()
    reach = load_options().fields.reach_degrees
    values: dict[str, Any] = {"exposures": list(exposure_ids), "reach": reach}
    with connection.cursor() as cursor:
        cursor.execute(HELD_BACK, values)
        return {pk for (pk,) in cursor.fetchall()}
