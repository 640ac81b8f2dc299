"""Light curves of many candidates, in short, for the tiles of a contact sheet."""

from math import isfinite

from photometry.storage.light_curves import epochs
from variables.light_curves.light_curve_data import object_members_of
from variables.models import GalVarObj

COLUMNS = ("mag", "galimage_id", "is_reference")
DIGITS, DAY_DIGITS = 3, 2


def small_curves(refsource_ids, day_digits=DAY_DIGITS) -> dict[int, list]:
    """{refsource_id: its curves by filter, its own first} in three queries, for JSON.

    A curve is ``[filter, [[MJD, mag, marks], ...]]``, oldest first. ``marks`` are a sum: 1 of a
    detection, 2 of a measurement on a reference, 4 where the star was looked for in vain: its mag
    is then the upper limit, None where none was kept. Times are rounded to ``day_digits``.
    """
    members = object_members_of(refsource_ids)
    ids = {member.refsource_id for of in members.values() for member in of}
    detections = _detections(ids)
    points = {}
    for row in epochs(ids, COLUMNS).tolist():
        source_id, mjd, mag, image_id, is_reference, is_detected, limit = row
        value = mag if is_detected else limit
        if is_detected and not isfinite(mag):
            continue
        marks = ((source_id, image_id) in detections) + 2 * is_reference + 4 * (not is_detected)
        value = round(value, DIGITS) if isfinite(value) else None
        points.setdefault(source_id, []).append([round(mjd, day_digits), value, marks])
    return {
        own: [
            [member.filter, points[member.refsource_id]]
            for member in sorted(of, key=lambda m: (m.refsource_id != own, m.filter))
            if member.refsource_id in points
        ]
        for own, of in members.items()
    }


def _detections(ids):
    """{(refsource_id, image id)} of the changes that passed all cuts and that no flag hides."""
    accepted = GalVarObj.objects.accepted().filter(refsource_id__in=ids)
    return set(accepted.values_list("refsource_id", "image_id"))
