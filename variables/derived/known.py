"""What published catalogues say of candidates: known variables, new, or can't be told.

Asked of catalogues in use: those of variables, and others where they give a star a class of
variability, as tables of Gaia's do. Catalogues of objects of any kind only give names.
"""

import numpy as np
from django.db import connection, transaction

from exposures.locks import Claimed, lock_to_end
from exposures.models import GalPublishedCatalogue
from exposures.published.coverage import ANY_MAG, is_covered
from exposures.published_catalogues import PublishedKind
from exposures.science.arrays import FloatArray, IntArray
from photometry.science.matching.states import MatchState
from variables.models.known import Known
from variables.science.period_agreement import compare_periods

PROBABLY_A_PART = 0.5  # probability with which a variable is a part of a blended source

LOCK = """
SELECT refsource_id, ra, dec, period_days, period_err FROM galcandidates
WHERE catalogue_id = %s ORDER BY refsource_id FOR NO KEY UPDATE
"""
# The next best star counts where it is a variable and may be the source, or a part of its light.
MISSING = """
SELECT refsource_id FROM galmatches
WHERE refsource_id = ANY(%(sources)s::bigint[])
    AND catalogue_id = %(published)s AND rank = 1 AND state = %(no_counterpart)s
"""
SAID = """
WITH matches AS MATERIALIZED (
    SELECT m.refsource_id, m.catalogue_id, m.rank, m.state, m.probability, m.n_possible, p.kind,
        s.var_class, s.period, galpublished_name(p.id, s.name) AS name,
        p.kind = %(variables)s
            OR (p.kind <> %(objects)s AND s.var_class IS NOT NULL) AS is_of_variables
    FROM galmatches m
    JOIN galpublishedcatalogues p ON p.id = m.catalogue_id AND p.in_use
    LEFT JOIN galpublishedstars s ON s.id = m.star_id
    WHERE m.refsource_id = ANY(%(sources)s::bigint[])
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
)
SELECT refsource_id,
    CASE WHEN best.refsource_id IS NOT NULL THEN %(is_known)s
        WHEN others.possible IS NOT NULL THEN %(is_untold)s
        WHEN others.is_missing THEN %(is_new)s ELSE %(is_not_looked_up)s END,
    CASE WHEN best.refsource_id IS NULL THEN others.possible END,
    best.var_class, coalesce(best.name, objects.name), best.period
FROM others LEFT JOIN best USING (refsource_id) LEFT JOIN objects USING (refsource_id)
"""
UPDATE = """
UPDATE galcandidates c SET known = said.known, known_possible = said.possible,
    known_class = said.class, known_name = said.name, known_period = said.period,
    period_agreement = said.agreement
FROM (
    SELECT refsource_id, known, nullif(possible, 'NaN')::int AS possible, class, name,
        nullif(period, 'NaN') AS period, agreement
    FROM unnest(%(sources)s::bigint[], %(known)s::text[], %(known_possible)s::float8[],
        %(known_class)s::text[], %(known_name)s::text[], %(known_period)s::float8[],
        %(period_agreement)s::text[]
    ) AS r (refsource_id, known, possible, class, name, period, agreement)
) AS said
WHERE c.refsource_id = said.refsource_id
    AND (c.known, known_possible, known_class, known_name, known_period, period_agreement)
    IS DISTINCT FROM (said.known, said.possible, said.class, said.name, said.period, said.agreement)
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
def refresh_known(catalogue_id: int) -> None:
    """Say again of the candidates of a reference catalogue whether they are known."""
    lock_to_end(Claimed.CANDIDATES, [catalogue_id])
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [catalogue_id])
        rows = np.array(cursor.fetchall(), float).reshape(-1, 5)
        ids, (ra, dec, *periods) = rows[:, 0].astype("i8"), rows[:, 1:].T
        columns = known_columns(ids, ra, dec, *periods)
        values = {name: column.tolist() for name, column in columns.items()}
        cursor.execute(UPDATE, values | {"sources": ids.tolist()})


def known_columns(
    refsource_ids: IntArray,
    ra: FloatArray,
    dec: FloatArray,
    period_days: FloatArray,
    period_err: FloatArray,
) -> dict[str, np.ndarray]:
    """The columns of candidates (n,) at ra and dec, ICRS degrees, that published stars tell of.

    Whether they are known, and whether their periods (n,), days with errors, agree with what is
    published; NaN and None where nothing is.

    A matched star counts as the candidate. Of several, in several catalogues, the one of which a
    class and a period are published, then the most probable. Where none is matched and some may be,
    it can't be told. New is only what a catalogue of variables does not have that reaches so far,
    which is never said where its depth is unknown.
    """
    n = len(refsource_ids)
    columns = {
        "known": np.full(n, Known.NOT_LOOKED_UP.value, "U13"),
        "known_possible": np.full(n, np.nan),
        "known_class": np.full(n, None),
        "known_name": np.full(n, None),
        "known_period": np.full(n, np.nan),
    }
    in_use = list(GalPublishedCatalogue.objects.in_use())
    for refsource_id, *said in _said(in_use, refsource_ids, ra, dec):
        place = np.searchsorted(refsource_ids, refsource_id)
        for column, value in zip(columns.values(), said, strict=True):
            column[place] = np.nan if value is None and column.dtype == float else value
    agreement = compare_periods(period_days, period_err, columns["known_period"])
    return columns | {"period_agreement": agreement}


def _said(in_use, refsource_ids, ra, dec):
    """Of sources with a match in a catalogue in use what is said of them."""
    if not in_use:
        return []
    values = VALUES | {"sources": refsource_ids.tolist()}
    reached, reached_by = [], []
    with connection.cursor() as cursor:
        for published in in_use:
            if published.kind != PublishedKind.VARIABLES:
                continue
            cursor.execute(MISSING, values | {"published": published.pk})
            missing = np.array(cursor.fetchall(), "i8").ravel()
            place = np.searchsorted(refsource_ids, missing)
            # By the state of their matches they are bright enough, where that can be known.
            any_mag = np.full(len(missing), ANY_MAG)
            is_known = is_covered(published, ra[place], dec[place], any_mag)
            reached += missing[is_known].tolist()
            reached_by += [published.pk] * int(is_known.sum())
        cursor.execute(SAID, values | {"reached": reached, "reached_by": reached_by})
        return cursor.fetchall()
