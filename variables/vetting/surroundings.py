"""The stars round a candidate on its card: on the cutouts, and a brighter one in words."""

from django.db import connection

from exposures.science.angles import tangent_offsets
from variables.candidates.positions import direction
from variables.pictures.sprite import TILE

RADIUS_ARCSEC = 10.0
CLOSE_ARCSEC = 2.0  # up to which a brighter star may be what has changed
NEIGHBOURS = """
SELECT o.refsource_id, own.mag, c.mag, c.distance_arcsec, c.ra, c.dec, o.ra, o.dec
FROM galcandidates o CROSS JOIN LATERAL galsources_cone(o.ra, o.dec, %s) c
CROSS JOIN LATERAL (SELECT coalesce(o.reference_mag, o.mean_mag) AS mag) own
WHERE o.refsource_id = ANY(%s) AND c.refsource_id <> o.refsource_id AND c.filter = o.filter
ORDER BY c.distance_arcsec
"""


def surroundings_of(candidates) -> dict[int, dict]:
    """{refsource_id: ``{"neighbours", "brighter"}``} of candidates by their ids, in one query.

    ``neighbours`` are the sources in the same filter, nearest first: [mag, distance in arcsec, x, y
    on a cutout in hundredths of its side; None where north is unknown]. ``brighter`` says which of
    them is close and brighter than the candidate, "" where none is.
    """
    rows = _neighbours(list(candidates))
    return {
        pk: {
            "neighbours": [
                _on_cutout(candidate.image.orientation, *one) for one in rows.get(pk, [])
            ],
            "brighter": _brighter(candidate.filter, rows.get(pk, [])),
        }
        for pk, candidate in candidates.items()
    }


def _neighbours(ids):
    """{refsource_id: [(own mag, mag, distance and offset east and north in arcsec), ...]}."""
    rows = {}
    with connection.cursor() as cursor:
        cursor.execute(NEIGHBOURS, [RADIUS_ARCSEC, ids])
        for pk, own, mag, distance, *place in cursor.fetchall():
            east, north = (3600 * float(offset) for offset in tangent_offsets(*place))
            rows.setdefault(pk, []).append((own, mag, distance, (east, north)))
    return rows


def _on_cutout(orientation, _, mag, distance, offset):
    """A neighbour, and where it lies on a cutout to half a pixel."""
    x = y = None
    if orientation.north is not None:
        east, north = offset
        (east_right, east_up), (north_right, north_up) = orientation.east, orientation.north
        side_arcsec = TILE * orientation.arcsec_per_pixel
        x = round(50 + 100 * (east * east_right + north * north_right) / side_arcsec, 1)
        y = round(50 - 100 * (east * east_up + north * north_up) / side_arcsec, 1)
    return [round(mag, 2), round(distance, 2), x, y]


def _brighter(name, neighbours):
    """The brightest of the close stars that are brighter, in words."""
    close = [
        one
        for one in neighbours
        if one[0] is not None and one[1] < one[0] and one[2] <= CLOSE_ARCSEC
    ]
    if not close:
        return ""
    own, mag, distance, offset = min(close, key=lambda one: one[1])
    return (
        f"a brighter star, {name} {mag:.2f}, {own - mag:.1f} mag brighter, "
        f"{distance:.1f}″ to the {direction(*offset)}"
    )
