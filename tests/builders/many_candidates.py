"""Many candidates at once, with columns that go together, against each other, or with nothing."""

from django.db import connection

from tests.builders.candidates import make_candidate
from variables.models import GalCandidate

# Of a number k: one in 11 varies alone, and was never detected; the others are detected once for
# the most part. Of those that vary none changed, and the most significant ones are all flagged.
COLUMNS = {
    "refsource_id": "{first} + k",
    "kind": "CASE WHEN k % 11 = 0 THEN 'varies' ELSE 'changed' END",
    "varies": "k % 11 = 0",
    "n_detections": "CASE WHEN k % 11 = 0 THEN 0 ELSE 1 + 60 / (1 + k * 7 % 97) END",
    "star_detections": "CASE WHEN k % 11 = 0 THEN 0 ELSE 1 + 60 / (1 + k * 7 % 97) END",
    "n_changes": "CASE WHEN k % 11 = 0 THEN 0 ELSE 1 + 60 / (1 + k * 7 % 97) END",
    "max_delta_mag": "CASE WHEN k % 11 > 0 THEN (k * 31 % 1009) / 500.0 - 1 END",
    "reference_mag": "CASE WHEN k % 7 > 0 THEN 15 + (k * 13 % 997) / 150.0 END",
    "ccdnum": "1 + k * 3 % 62",
    "cause": "CASE WHEN k * 17 % 23 = 0 THEN 'edge' ELSE 'real' END",
    "period_days": "CASE WHEN k % 211 = 0 THEN 1 + k / 1000.0 END",
    "is_flagged": "k * 7 % 97 < 2",
}


def make_many_candidates(n):
    """``n`` more candidates like one that is made, each a star of its own."""
    first = make_candidate(2).pk + 1000
    names = [f.column for f in GalCandidate._meta.concrete_fields]
    values = [COLUMNS.get(name, f'"{name}"').format(first=first) for name in names]
    quoted = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO galcandidates ({quoted}) SELECT {', '.join(values)} FROM galcandidates, "
            f"generate_series(1, {n}) k WHERE refsource_id = {first - 1000}"
        )
        cursor.execute("ANALYZE galcandidates")
