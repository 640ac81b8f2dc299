"""Columns of candidates with the published colour and absolute magnitude of their stars."""

import numpy as np
from django.db import connection

from exposures.plain_values import nullable_rows
from exposures.science.arrays import FloatArray, IntArray
from photometry.matching.colours import (
    PublishedColours,
    colour_catalogue,
    published_colours,
)
from variables.models import GalCandidate

COLUMNS = ("colour_mag", "absolute_mag")
UPDATE = """
UPDATE galcandidates c SET colour_mag = said.colour, absolute_mag = said.absolute
FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS said (refsource_id, colour, absolute)
WHERE c.refsource_id = said.refsource_id
    AND (c.colour_mag, c.absolute_mag) IS DISTINCT FROM (said.colour, said.absolute)
"""


def colour_columns(catalogue_id: int, refsource_ids: IntArray) -> dict[str, FloatArray]:
    """The columns of sources (n,) of a reference catalogue, ids in order; NaN where unknown."""
    catalogue = colour_catalogue()
    if catalogue is None:
        return dict(zip(COLUMNS, np.full((2, len(refsource_ids)), np.nan), strict=True))
    return _columns(refsource_ids, published_colours(catalogue_id, catalogue, refsource_ids))


def update_colours(catalogue_id: int, stars: PublishedColours) -> None:
    """Update both columns of the candidates of a reference catalogue, by those of all its stars.

    The caller has locked them.
    """
    candidates = GalCandidate.objects.filter(catalogue_id=catalogue_id).order_by("pk")
    ids = np.array(candidates.values_list("pk", flat=True), "i8")
    rows = list(nullable_rows(_columns(ids, stars)))
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [ids.tolist(), *([row[name] for row in rows] for name in COLUMNS)])


def _columns(refsource_ids, stars):
    columns = {name: np.full(len(refsource_ids), np.nan) for name in COLUMNS}
    _, place, of_stars = np.intersect1d(
        refsource_ids, stars.refsource_id, assume_unique=True, return_indices=True
    )
    columns["colour_mag"][place] = stars.colour[of_stars]
    columns["absolute_mag"][place] = stars.absolute_mag[of_stars]
    return columns
