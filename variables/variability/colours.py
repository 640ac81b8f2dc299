"""Colours of a catalogue's stars, from the sources of their objects in other filters."""

import numpy as np
from django.db import connection

from exposures.science.arrays import FloatArray, IntArray
from photometry.models import GalReference
from photometry.querysets.objects import MatchKind

# Blends are several stars in one of the filters. Where catalogues of a filter overlap, a star has
# a source in each, of which any does.
COLOURS = """
SELECT s.refsource_id, o.filter, o.mag - s.mag
FROM galobjectsources s
JOIN galobjects j ON j.id = s.object_id AND j.kind IN (%s, %s)
JOIN galobjectsources o ON o.object_id = s.object_id AND o.filter <> s.filter
WHERE {which} AND o.mag - s.mag <> 'NaN'
"""
KINDS = [MatchKind.ONE_TO_ONE, MatchKind.DOUBTFUL]


def colours_in(catalogue: GalReference) -> dict[str, tuple[IntArray, FloatArray]]:
    """For each other filter the ids of stars of a catalogue, and their colours in mag, (n,) each.

    A colour is the magnitude in the other filter less that in the catalogue's.
    """
    rows = _fetch("s.refsource_id BETWEEN %s AND %s", catalogue.id_range)
    found: dict[str, tuple[list[int], list[float]]] = {}
    for refsource_id, other, colour in rows:
        ids, colours = found.setdefault(other, ([], []))
        ids.append(refsource_id)
        colours.append(colour)
    return {other: (np.array(ids), np.array(colours)) for other, (ids, colours) in found.items()}


def colours_of(refsource_ids: IntArray, other: str) -> FloatArray:
    """(n,) colours in mag of stars by their ids (n,), to another filter; NaN where unknown."""
    rows = _fetch("s.refsource_id = ANY(%s) AND o.filter = %s", [refsource_ids.tolist(), other])
    colours = {refsource_id: colour for refsource_id, _, colour in rows}
    return np.array([colours.get(i, np.nan) for i in refsource_ids.tolist()], float)


def _fetch(which, parameters):
    with connection.cursor() as cursor:
        cursor.execute(COLOURS.format(which=which), [*KINDS, *parameters])
        return cursor.fetchall()
