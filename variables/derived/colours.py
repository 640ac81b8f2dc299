"""Columns of candidates with the published colour and absolute magnitude of their stars."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from django.db import connection, transaction

from exposures.locks import Claimed, lock_to_end
from exposures.plain_values import nullable_rows
from exposures.science.arrays import FloatArray, IntArray
from photometry.matching.colours import colour_catalogue, published_colours
from variables.models import GalCandidate

UPDATE = """
UPDATE galcandidates c SET colour_mag = said.colour, absolute_mag = said.absolute
FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS said (refsource_id, colour, absolute)
WHERE c.refsource_id = said.refsource_id
    AND (c.colour_mag, c.absolute_mag) IS DISTINCT FROM (said.colour, said.absolute)
"""


def colour_columns(catalogue_id: int, refsource_ids: IntArray) -> dict[str, FloatArray]:
    """The columns of sources (n,) of a reference catalogue, ids in order; NaN where unknown."""
    columns = {name: np.full(len(refsource_ids), np.nan) for name in ("colour_mag", "absolute_mag")}
    catalogue = colour_catalogue()
    if catalogue is not None:
        found = published_colours(catalogue_id, catalogue, refsource_ids)
        place = np.searchsorted(refsource_ids, found.refsource_id)
        columns["colour_mag"][place] = found.colour
        columns["absolute_mag"][place] = found.absolute_mag
    return columns


@transaction.atomic
def refresh_colours(catalogue_id: int) -> None:
    """Update both columns of the candidates of a reference catalogue."""
    lock_to_end(Claimed.CANDIDATES, [catalogue_id])
    candidates = GalCandidate.objects.filter(catalogue_id=catalogue_id).order_by("pk")
    ids = list(candidates.select_for_update(no_key=True).values_list("pk", flat=True))
    rows = list(nullable_rows(colour_columns(catalogue_id, np.array(ids, "i8"))))
    columns = [[row[name] for row in rows] for name in ("colour_mag", "absolute_mag")]
    with connection.cursor() as cursor:
        cursor.execute(UPDATE, [ids, *columns])


def refresh_colours_later(catalogue_ids: Iterable[int]) -> None:
    """Update those of some reference catalogues once all is committed, in their order."""
    for catalogue_id in sorted(catalogue_ids):
        # Matches are stored by then: where it fails, the next refreshment mends it.
        transaction.on_commit(partial(refresh_colours, catalogue_id), robust=True)
