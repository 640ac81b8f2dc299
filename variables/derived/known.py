"""What published catalogues say of candidates: known variables, new, or can't be told.

Asked of catalogues in use: those of variables, and others where they give a star a class of
variability, as tables of Gaia's do. Catalogues of objects of any kind only give names.
"""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from django.db.models import Q

from exposures.locks import Claimed, lock_to_end
from exposures.models import GalPublishedCatalogue
from exposures.published.coverage import ANY_MAG, is_covered
from exposures.published_catalogues import PublishedKind
from photometry.science.matching.states import MatchState
from variables.models import GalCandidate
from variables.models.known import Known
from variables.science.period_agreement import PeriodAgreement, compare_periods

PROBABLY_A_PART = 0.5  # probability with which a variable is a part of a blended source

LOCK = """
SELECT refsource_id FROM galcandidates
WHERE catalogue_id = %(catalogue)s
    AND (%(only)s::bigint[] IS NULL OR refsource_id = ANY(%(only)s::bigint[]))
ORDER BY refsource_id FOR NO KEY UPDATE
"""
# The next best star counts where it is a variable and may be the source, or a part of its light.
MISSING = """
SELECT c.refsource_id, c.ra, c.dec FROM galcandidates c JOIN galmatches m USING (refsource_id)
WHERE c.catalogue_id = %(catalogue)s
    AND (%(only)s::bigint[] IS NULL OR c.refsource_id = ANY(%(only)s::bigint[]))
    AND m.catalogue_id = %(published)s AND m.rank = 1 AND m.state = %(no_counterpart)s
"""
UPDATE = """
WITH matches AS (
    SELECT m.refsource_id, m.catalogue_id, m.rank, m.state, m.probability, m.n_possible, p.kind,
        s.var_class, s.period, galpublished_name(p.id, s.name) AS name,
        p.kind = %(variables)s
            OR (p.kind <> %(objects)s AND s.var_class IS NOT NULL) AS is_of_variables
    FROM galcandidates c
    JOIN galmatches m USING (refsource_id)
    JOIN galpublishedcatalogues p ON p.id = m.catalogue_id AND p.in_use
    LEFT JOIN galpublishedstars s ON s.id = m.star_id
    WHERE c.catalogue_id = %(catalogue)s
        AND (%(only)s::bigint[] IS NULL OR c.refsource_id = ANY(%(only)s::bigint[]))
), best AS (
    SELECT DISTINCT ON (refsource_id) refsource_id, name, var_class, period FROM matches
    WHERE is_of_variables AND rank = 1 AND state = %(matched)s
    ORDER BY refsource_id, num_nonnulls(var_class, period) DESC, probability DESC, catalogue_id
), objects AS (
    SELECT DISTINCT ON (refsource_id) refsource_id, name FROM matches
    WHERE kind = %(objects)s AND rank = 1 AND state = %(matched)s
    ORDER BY refsource_id, probability DESC, catalogue_id
), others AS (
    SELECT refsource_id,
        max(greatest(n_possible, rank)) FILTER (WHERE is_of_variables AND (
            state = %(cant_be_told)s
            OR (state = %(matched)s AND rank = 2 AND probability >= %(probably)s)
        )) AS possible,
        bool_or(state = %(no_counterpart)s AND (refsource_id, catalogue_id) IN (
            SELECT * FROM unnest(%(reached)s::bigint[], %(reached_by)s::int[])
        )) AS is_missing
    FROM matches GROUP BY refsource_id
), said AS (
    SELECT c.refsource_id,
        CASE WHEN best.refsource_id IS NOT NULL THEN %(is_known)s
            WHEN others.possible IS NOT NULL THEN %(is_untold)s
            WHEN others.is_missing THEN %(is_new)s ELSE %(is_not_looked_up)s END AS known,
        CASE WHEN best.refsource_id IS NULL THEN others.possible END AS possible,
        best.var_class, coalesce(best.name, objects.name) AS name, best.period
    FROM galcandidates c
    LEFT JOIN others USING (refsource_id)
    LEFT JOIN best USING (refsource_id)
    LEFT JOIN objects USING (refsource_id)
    WHERE c.catalogue_id = %(catalogue)s
        AND (%(only)s::bigint[] IS NULL OR c.refsource_id = ANY(%(only)s::bigint[]))
)
UPDATE galcandidates c SET known = said.known, known_possible = said.possible,
    known_class = said.var_class, known_name = said.name, known_period = said.period
FROM said
WHERE c.refsource_id = said.refsource_id
    AND (c.known, known_possible, known_class, known_name, known_period)
    IS DISTINCT FROM (said.known, said.possible, said.var_class, said.name, said.period)
RETURNING c.refsource_id
"""
AGREE = """
UPDATE galcandidates c SET period_agreement = said.agreement
FROM unnest(%s::bigint[], %s::text[]) AS said (refsource_id, agreement)
WHERE c.refsource_id = said.refsource_id AND c.period_agreement <> said.agreement
"""
VALUES = {
    "variables": PublishedKind.VARIABLES.value,
    "objects": PublishedKind.OBJECTS.value,
    "matched": MatchState.MATCHED.value,
    "cant_be_told": MatchState.CANT_BE_TOLD.value,
    "no_counterpart": MatchState.NO_COUNTERPART.value,
    "probably": PROBABLY_A_PART,
    "is_known": Known.KNOWN.value,
    "is_untold": Known.CANT_BE_TOLD.value,
    "is_new": Known.NEW.value,
    "is_not_looked_up": Known.NOT_LOOKED_UP.value,
}


@transaction.atomic
def refresh_known(catalogue_id: int, refsource_ids: Sequence[int] | None = None) -> set[int]:
    """Say again of the candidates of a reference catalogue, or of some, whether they are known.

    Returns the ids of those of which something else is said than before.

    A matched star counts as the candidate. Of several, in several catalogues, the one of which a
    class and a period are published, then the most probable. Where none is matched and some may be,
    it can't be told. New is only what a catalogue of variables does not have that reaches so far,
    which is never said where its depth is unknown.
    """
    lock_to_end(Claimed.CANDIDATES, [catalogue_id])
    only = None if refsource_ids is None else list(refsource_ids)
    values = VALUES | {"catalogue": catalogue_id, "only": only}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        cursor.execute(UPDATE, values | _reached(cursor, values))
        changed = {pk for (pk,) in cursor.fetchall()}
        cursor.execute(AGREE, _agreements(catalogue_id, only))
    return changed


def _reached(cursor, values):
    """Ids of candidates without a counterpart, and of the catalogues that would have had them."""
    reached, reached_by = [], []
    for published in GalPublishedCatalogue.objects.in_use().filter(kind=PublishedKind.VARIABLES):
        cursor.execute(MISSING, values | {"published": published.pk})
        rows = np.array(cursor.fetchall(), [("id", "i8"), ("ra", "f8"), ("dec", "f8")])
        # By the state of their matches they are bright enough, where that can be known.
        is_known = is_covered(published, rows["ra"], rows["dec"], np.full(len(rows), ANY_MAG))
        reached += rows["id"][is_known].tolist()
        reached_by += [published.pk] * int(is_known.sum())
    return {"reached": reached, "reached_by": reached_by}


def _agreements(catalogue_id, only):
    """Ids of candidates that may have or had periods to compare, and what ours are of theirs."""
    compared = Q(known_period__isnull=False, period_days__isnull=False)
    asked = GalCandidate.objects.filter(catalogue_id=catalogue_id)
    asked = asked if only is None else asked.filter(pk__in=only)
    asked = asked.filter(compared | ~Q(period_agreement=PeriodAgreement.NONE.value))
    rows = list(asked.values_list("pk", "period_days", "period_err", "known_period"))
    periods = np.array([row[1:] for row in rows], float).reshape(-1, 3).T
    return [pk for pk, *_ in rows], compare_periods(*periods).tolist()
