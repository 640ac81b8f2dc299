"""The consensus on candidates, derived from the votes that stand."""

from django.db import connection
from django.db.models import Max

from variables.models import CampaignObject, GalCandidate, TaxonomyClass
from variables.science.consensus import consensus_of

# The last vote of each person on each candidate that was not undone.
CURRENT = """
SELECT DISTINCT ON (d.refsource_id, d.user_id) d.refsource_id, d.user_id, d.choice_id
FROM galdecisions d LEFT JOIN galdecisions u ON u.undoes_id = d.id
WHERE d.action = 'vote' AND u.id IS NULL AND d.refsource_id = ANY(%s)
ORDER BY d.refsource_id, d.user_id, d.id DESC
"""


def current_votes(refsource_ids) -> list[tuple[int, int, int]]:
    """(refsource_id, user id, class id) of the votes that count."""
    with connection.cursor() as cursor:
        cursor.execute(CURRENT, [list(refsource_ids)])
        return cursor.fetchall()


def update_consensus(refsource_ids):
    """Derive the consensus of candidates anew."""
    ids = list(refsource_ids)
    candidates = {c.pk: c for c in GalCandidate.objects.filter(pk__in=ids)}
    wanted = dict(
        CampaignObject.objects.filter(refsource_id__in=ids)
        .values("refsource_id")
        .annotate(wanted=Max("campaign__votes_wanted"))
        .values_list("refsource_id", "wanted")
    )
    votes = {pk: [] for pk in candidates}
    rows = current_votes(candidates)
    paths = class_paths({choice for _, _, choice in rows})
    for pk, _, choice in rows:
        votes[pk].append(paths[choice])
    for pk, candidate in candidates.items():
        found = consensus_of(votes[pk], wanted.get(pk) or 1)
        candidate.consensus_id = found.choice[-1] if found.choice else None
        candidate.n_votes, candidate.is_disputed = found.n_votes, found.is_disputed
    GalCandidate.objects.bulk_update(
        candidates.values(), ["consensus", "n_votes", "is_disputed"], batch_size=500
    )


def class_paths(class_ids) -> dict[int, tuple[int, ...]]:
    """{class id: its own id, after its parent's where it is a subtype}."""
    chosen = TaxonomyClass.objects.filter(pk__in=class_ids).values_list("pk", "parent_id")
    return {pk: (pk,) if parent is None else (parent, pk) for pk, parent in chosen}
