"""Candidates of which the answer is known, and their features."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from django.db import connection

from photometry.models import GalReference
from variables.learning.facts import read_facts
from variables.models import Taxonomy, TaxonomyClass
from variables.science.learning.examples import Examples
from variables.science.learning.features import FEATURES, features_of

# By which votes a candidate's class is known: of people who looked at it, as at the extremes of a
# group, or of strokes alone, for its whole group or for all that a model was sure of. A transferred
# vote tells by what was shown.
VOTED = """
LEFT JOIN LATERAL (
    SELECT bool_or(
            d.how <> ALL('{group,model}') AND NOT d.shown ?| '{group,check}' OR d.shown ? 'image'
        ) AS singly,
        bool_or(d.how = 'group' OR d.shown ? 'group') AS in_group
    FROM galdecisions d LEFT JOIN galdecisions u ON u.undoes_id = d.id
    WHERE d.refsource_id = c.refsource_id AND d.action = 'vote' AND u.id IS NULL
) v ON true
"""
# What people agree on, and in its place what is known of gold objects: the class, its parent where
# it is a subtype, and the star. Who can't tell, tells nothing, nor does a model to its successor.
KNOWN = f"""
SELECT c.refsource_id, c.catalogue_id, coalesce(c.object_id, -c.refsource_id),
    coalesce(g.gold_id, c.consensus_id),
    CASE WHEN g.gold_id IS NOT NULL THEN 'gold' WHEN coalesce(v.singly, true) THEN 'votes'
        ELSE 'strokes' END
FROM galcandidates c
LEFT JOIN (
    SELECT refsource_id, max(gold_id) AS gold_id FROM galcampaignobjects
    WHERE gold_id IS NOT NULL GROUP BY refsource_id
) g ON g.refsource_id = c.refsource_id
JOIN galclasses k ON k.id = coalesce(g.gold_id, c.consensus_id)
{VOTED}
WHERE k.kind <> 'uncertain'
    AND (g.gold_id IS NOT NULL OR coalesce(v.singly, true) OR v.in_group AND %s)
ORDER BY c.refsource_id
"""
AGREED = f"""
SELECT count(*) FROM galcandidates c JOIN galclasses k ON k.id = c.consensus_id
{VOTED}
WHERE k.kind <> 'uncertain' AND coalesce(v.singly, true)
"""
FIRST_EXPOSURES = """
SELECT DISTINCT ON (v.refsource_id) v.refsource_id, i.exposure_id
FROM galvarobjs v JOIN galimages i ON i.id = v.galimage_id
WHERE v.refsource_id = ANY(%s) ORDER BY v.refsource_id, v.galimage_id
"""
SOURCES = ("votes", "gold", "strokes")
NONE = -1


@dataclass(frozen=True)
class KnownCandidates:
    """Examples with their ids (n,), the classes of a taxonomy, and numbers by source and class."""

    refsource_id: np.ndarray
    examples: Examples
    classes: tuple[str, ...]  # slugs of real ones
    numbers: dict[str, dict[str, int]]  # {source: {path of the class: number}}


def n_agreed() -> int:
    """The number of candidates on which people who looked at them agree, other than on no class."""
    with connection.cursor() as cursor:
        cursor.execute(AGREED)
        return int(cursor.fetchone()[0])


def known_candidates(taxonomy: Taxonomy, stroke_weight: float) -> KnownCandidates:
    """All candidates of which the answer is known, with classes of a taxonomy.

    Classes of others count where one has the same name here; else only whether it is real does.
    Votes of a stroke for a whole group have ``stroke_weight``, and judge no model; those for what a
    model was sure of are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, [stroke_weight > 0])
        rows = cursor.fetchall()
    names = {one.pk: one for one in TaxonomyClass.objects.select_related("parent")}
    classes = tuple(
        taxonomy.classes.filter(kind=TaxonomyClass.Kind.VARIABLE, parent=None)
        .order_by("slug")
        .values_list("slug", flat=True)
    )
    ids = np.array([row[0] for row in rows], "i8")
    said = [names[row[3]] for row in rows]
    is_real = np.array([one.kind == TaxonomyClass.Kind.VARIABLE for one in said], bool)
    tops = [(one.parent or one).slug for one in said]
    number = [classes.index(top) if top in classes else NONE for top in tops]
    paths = [one.path for one in said]
    is_stroke = np.array([row[4] == "strokes" for row in rows], bool)
    features, found = _features(ids, [row[1] for row in rows])
    examples = Examples(
        features=features,
        is_real=is_real[found],
        kind=np.unique(paths, return_inverse=True)[1][found] if paths else np.zeros(0, int),
        class_number=np.where(is_real, number, NONE).astype(int)[found],
        star=_numbered([row[2] for row in rows])[found],
        field=_numbered([row[1] for row in rows])[found],
        exposure=_first_exposures(ids)[found],
        is_usual=~is_stroke[found],
        weight=np.where(is_stroke, stroke_weight, 1.0)[found],
    )
    numbers: dict[str, Counter] = {source: Counter() for source in SOURCES}
    for row, path, is_there in zip(rows, paths, found, strict=True):
        if is_there:
            numbers[row[4]][path] += 1
    return KnownCandidates(ids[found], examples, classes, {k: dict(v) for k, v in numbers.items()})


def _features(ids: np.ndarray, catalogue_ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(n_found, n_features) features of those candidates (n,) that are still there; which are."""
    features = np.full((len(ids), len(FEATURES)), np.nan, "f4")
    found = np.zeros(len(ids), bool)
    of = np.array(catalogue_ids, "i8")
    catalogues = GalReference.objects.select_related("image").filter(pk__in=set(catalogue_ids))
    for catalogue in catalogues.order_by("pk"):
        facts = read_facts(catalogue)
        if facts is not None:
            rows = np.flatnonzero(of == catalogue.pk)
            known = facts.candidates["refsource_id"]
            rows = rows[np.isin(ids[rows], known)]
            features[rows] = features_of(facts)[np.searchsorted(known, ids[rows])]
            found[rows] = True
    return features[found], found


def _first_exposures(ids: np.ndarray) -> np.ndarray:
    """(n,) the exposure of each candidate's first change; -1 where it has none."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_EXPOSURES, [ids.tolist()])
        found = dict(cursor.fetchall())
    return np.array([found.get(pk, NONE) for pk in ids.tolist()], "i8")


def _numbered(keys: list[int]) -> np.ndarray:
    """(n,) small numbers in place of keys, some of which are negative."""
    return np.unique(np.array(keys, "i8"), return_inverse=True)[1]
