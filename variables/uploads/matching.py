"""Candidates that the lines of an uploaded list match, and the list that is kept of them."""

from django.db import connection, transaction

from exposures.planner import BY_POSITION, planned
from variables.models import GalCandidate, UploadedList
from variables.uploads.lines import Entry, UploadError

MAX_MATCHES = 200_000  # candidates of one list
MAX_LISTS = 50  # of one person
# Place by place along the index of q3c: behind OFFSET 0, as the planner may else begin with the
# candidates of catalogues, and compare each with all places. Those of replaced ones are left out.
NEAR = """
SELECT p.n, c.refsource_id
FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p (ra, dec, n)
CROSS JOIN LATERAL (
    SELECT refsource_id, catalogue_id FROM galcandidates
    WHERE q3c_join(p.ra, p.dec, ra, dec, %s) OFFSET 0
) c
JOIN galreferences r ON r.id = c.catalogue_id AND r.active
LIMIT %s
"""


def keep_list(user, name, entries: list[Entry], radius_arcsec) -> UploadedList:
    """Match the entries, and keep what they match as a list of a user's.

    Lists that are too old go. Raises UploadError for more matches or lists than are kept.
    """
    UploadedList.objects.too_old().delete()
    if UploadedList.objects.filter(user=user).count() >= MAX_LISTS:
        raise UploadError(f"You have {MAX_LISTS} lists already: delete one first")
    matched = _by_id(entries) | _by_place(entries, radius_arcsec)
    unmatched = [[e.number, e.text] for k, e in enumerate(entries) if k not in matched]
    ids = sorted({pk for found in matched.values() for pk in found})
    if len(ids) > MAX_MATCHES:
        raise _too_many()
    with transaction.atomic():
        return UploadedList.objects.create(
            user=user,
            name=name,
            radius_arcsec=radius_arcsec,
            n_lines=len(entries),
            refsource_ids=ids,
            unmatched=unmatched,
            n_unmatched=len(unmatched),
        )


def _by_id(entries):
    """{index of an entry: [its candidate]} of those with the id of one."""
    asked = [e.refsource_id for e in entries if e.refsource_id is not None]
    there = set(GalCandidate.objects.filter(pk__in=asked).values_list("pk", flat=True))
    return {k: [e.refsource_id] for k, e in enumerate(entries) if e.refsource_id in there}


def _by_place(entries, radius_arcsec):
    """{index of an entry: the candidates near it} of those with a position."""
    placed = [(k, *e.place) for k, e in enumerate(entries) if e.place is not None]
    if not placed:
        return {}
    indices, ra, dec = map(list, zip(*placed, strict=True))
    with planned(BY_POSITION), connection.cursor() as cursor:
        cursor.execute(NEAR, [ra, dec, radius_arcsec / 3600, MAX_MATCHES + 1])
        rows = cursor.fetchall()
    if len(rows) > MAX_MATCHES:
        raise _too_many()
    matched = {}
    for n, pk in rows:
        matched.setdefault(indices[n - 1], []).append(pk)
    return matched


def _too_many():
    return UploadError(
        f"They match more than {MAX_MATCHES:,} candidates: take a smaller radius or fewer lines"
    )
