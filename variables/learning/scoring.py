"""Scores of all candidates by a model, catalogue by catalogue."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Max

from exposures.errors import GalprojectError
from exposures.locks import Claimed, claim
from photometry.models import GalReference
from variables.learning.facts import read_facts
from variables.learning.storage import bring_into_use, replace_scores, score_rows
from variables.models import (
    GalCandidate,
    GalChangeShape,
    GalPeriodRun,
    GalScoreRun,
    GalVariabilityRun,
    LearntModel,
)
from variables.science.learning.classifier import Classifier, selected
from variables.science.learning.features import FEATURES, features_of


@dataclass(frozen=True)
class ScoredCatalogue:
    """What was done of a catalogue."""

    catalogue: GalReference
    n_candidates: int | None  # that were scored; None where nothing was to be done


def model_to_score_by() -> LearntModel | None:
    """The last model, whether it is in use or awaits that; None where none was trained."""
    return LearntModel.objects.order_by("-pk").first()


def classifier_of(model: LearntModel) -> Classifier:
    """The trees of a stored model; GalprojectError where its features are not those of now."""
    classifier = Classifier.from_bytes(bytes(model.data))
    if missing := set(classifier.features) - set(FEATURES):
        raise GalprojectError(
            f"{model} takes features that there are no more ({', '.join(sorted(missing))}). "
            "Train another: manage.py train_model --again"
        )
    return classifier


def catalogues_to_score() -> list[GalReference]:
    """Catalogues in use that have candidates, in the order of their ids."""
    ids = GalCandidate.objects.order_by().values("catalogue")
    catalogues = GalReference.objects.filter(active=True, pk__in=ids).select_related("image")
    return list(catalogues.order_by("pk"))


def score_candidates(model: LearntModel, again: bool = False) -> Iterator[ScoredCatalogue]:
    """Score the candidates of all catalogues by a model, and bring it into use at the end.

    A catalogue whose candidates are as they were is left out, unless ``again``; one that another
    process is at is left to that. So it goes on where it was interrupted, and what is shown is by
    one model until all is scored by the next.
    """
    classifier, class_ids = classifier_of(model), _class_ids(model)
    for catalogue in catalogues_to_score():
        yield ScoredCatalogue(catalogue, _score(catalogue, model, classifier, class_ids, again))
    bring_into_use(model)


def _score(
    catalogue: GalReference,
    model: LearntModel,
    classifier: Classifier,
    class_ids: np.ndarray,
    again: bool,
) -> int | None:
    with claim(Claimed.SCORES, catalogue.pk) as is_claimed:
        if not is_claimed:
            return None
        # Before anything is read: what changes meanwhile makes another digest.
        digest = _digest(catalogue)
        done = GalScoreRun.objects.filter(model=model, catalogue=catalogue, digest=digest)
        if not again and done.exists():
            return None
        facts = read_facts(catalogue)
        if facts is None:
            return None
        features = selected(features_of(facts), FEATURES, classifier.features)
        ids = facts.candidates["refsource_id"]
        rows = score_rows(ids, classifier.scores(features), model, class_ids)
        return len(rows) if replace_scores(catalogue, model, rows, digest) else None


def _class_ids(model: LearntModel) -> np.ndarray:
    ids = dict(model.taxonomy.classes.values_list("slug", "pk"))
    return np.array([ids[slug] for slug in model.classes], "i8")


def _digest(catalogue: GalReference) -> str:
    """Of what the features of a catalogue's candidates are made of now."""
    found = GalCandidate.objects.filter(catalogue=catalogue).aggregate(
        number=Count("pk"), last=Max("refreshed")
    )
    runs = [
        str(GalVariabilityRun.objects.filter(catalogue=catalogue).values_list("measured").first()),
        str(GalPeriodRun.objects.filter(catalogue=catalogue).values_list("found").first()),
    ]
    shapes = GalChangeShape.objects.in_catalogue(catalogue.pk)
    measured = shapes.aggregate(number=Count("pk"), last=Max("measured"))
    texts = [str(found["last"]), *runs, str(measured["last"])]
    text = json.dumps([found["number"], measured["number"], *texts])
    return hashlib.sha256(text.encode()).hexdigest()
