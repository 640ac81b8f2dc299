"""Light curves of candidates as pages draw them: plain lists, with matches in other filters."""

from dataclasses import dataclass

from django.db import connection

from photometry.models import GalSource
from variables.models import GalVarObj

MATCH_ARCSEC = 0.5

# The function plans each cone for the few partitions that it touches.
MATCHES = """
SELECT o.refsource_id, c.refsource_id, c.filter, c.ra, c.dec, c.distance_arcsec
FROM galcandidates o CROSS JOIN LATERAL galsources_cone(o.ra, o.dec, %s) c
WHERE o.refsource_id = ANY(%s)
ORDER BY o.refsource_id, c.distance_arcsec
"""


@dataclass(frozen=True)
class Match:
    """A source that is the same star as a candidate, or the candidate's own."""

    refsource_id: int
    filter: str
    ra: float  # ICRS degrees
    dec: float
    distance_arcsec: float


def matches_of(refsource_ids) -> dict[int, list[Match]]:
    """The sources at the place of each candidate, one a filter: its own, and else the nearest."""
    with connection.cursor() as cursor:
        cursor.execute(MATCHES, [MATCH_ARCSEC, list(refsource_ids)])
        rows = cursor.fetchall()
    matches = {refsource_id: {} for refsource_id in refsource_ids}
    for own, *columns in rows:
        match = Match(*columns)
        if match.filter not in matches[own] or match.refsource_id == own:
            matches[own][match.filter] = match
    return {own: list(of.values()) for own, of in matches.items()}


def light_curve_data(refsource_id) -> dict:
    """The light curves of one candidate, for JSON; see ``light_curves_data``."""
    return light_curves_data([refsource_id])[refsource_id]


def light_curves_data(refsource_ids) -> dict[int, dict]:
    """The light curves of candidates in all filters, for JSON, in four queries.

    ``{refsource_id: {"refsource_id", "filters": [{"filter", "refsource_id", "mjd", "mag",
    "mag_err", "is_detection", "is_reference", "significance", "image_id", "vanished_mjd"}]}}``,
    each a list by epoch, oldest first; the candidate's own filter comes first.
    """
    matches = matches_of(refsource_ids)
    ids = {match.refsource_id for of in matches.values() for match in of}
    rows, changes = _rows(ids), _changes(ids)
    return {
        own: {
            "refsource_id": own,
            "filters": [
                _curve(match, rows.get(match.refsource_id, []), changes.get(match.refsource_id, {}))
                for match in sorted(of, key=lambda m: (m.refsource_id != own, m.filter))
            ],
        }
        for own, of in matches.items()
    }


def _rows(ids):
    """{refsource_id: [(image id, mjd, mag, mag_err, is_reference)]}, oldest first."""
    rows = {}
    columns = ("refsource_id", "galimage_id", "mjd", "mag", "mag_err", "is_reference")
    for source_id, *row in GalSource.objects.light_curves(ids).values_list(*columns):
        rows.setdefault(source_id, []).append(row)
    return rows


def _changes(ids):
    """{refsource_id: {image id: (is a detection, significance, vanished, mjd)}}."""
    changes = {}
    columns = ("refsource_id", "image_id", "failed_cuts", "is_flagged", "significance", "kind")
    rows = GalVarObj.objects.filter(refsource_id__in=ids)
    for source_id, image_id, failed, flagged, significance, kind, mjd in rows.values_list(
        *columns, "image__exposure__mjd"
    ):
        is_vanished = kind == GalVarObj.Kind.VANISHED
        change = (not failed and not flagged, significance, is_vanished, mjd)
        changes.setdefault(source_id, {})[image_id] = change
    return changes


def _curve(match, rows, changes):
    nothing = (False, None, False, None)
    here = [changes.get(image_id, nothing) for image_id, *_ in rows]
    measured = {mjd for _, mjd, *_ in rows}
    vanished = {mjd for good, _, gone, mjd in changes.values() if good and gone} - measured
    return {
        "filter": match.filter,
        "refsource_id": match.refsource_id,
        "image_id": [row[0] for row in rows],
        "mjd": [row[1] for row in rows],
        "mag": [round(row[2], 4) for row in rows],
        "mag_err": [round(row[3], 4) for row in rows],
        "is_reference": [row[4] for row in rows],
        "is_detection": [change[0] for change in here],
        "significance": [change[1] and round(change[1], 1) for change in here],
        "vanished_mjd": sorted(vanished),
    }
