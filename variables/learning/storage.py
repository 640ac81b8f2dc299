"""Storage of models and of their scores; a model comes into use when all candidates have one."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_in
from photometry.models import GalReference
from photometry.storage.columns import dtype_of
from photometry.storage.storage import lock_against_drop
from variables.models import GalCandidate, GalScore, GalScoreRun, LearntModel
from variables.models.learning import N_CLASSES
from variables.science.learning.classifier import Scores

SCORE_DTYPE = dtype_of(GalScore)


def score_rows(
    refsource_ids: np.ndarray, scores: Scores, model: LearntModel, class_ids: np.ndarray
) -> np.ndarray:
    """Rows of galscores of candidates (n,); ``class_ids`` are those of the model's classes."""
    rows = np.zeros(len(refsource_ids), SCORE_DTYPE)
    rows["refsource_id"], rows["model_id"], rows["real"] = refsource_ids, model.pk, scores.real
    number, chance = scores.best(N_CLASSES)
    # The last is that of no class.
    ids = np.append(class_ids, 0)
    for k in range(N_CLASSES):
        rows[f"class_{k + 1}"], rows[f"probability_{k + 1}"] = ids[number[:, k]], chance[:, k]
    return rows


@transaction.atomic
def replace_scores(
    catalogue: GalReference, model: LearntModel, rows: np.ndarray, digest: str
) -> bool:
    """Replace a model's scores of a catalogue's candidates; False where the catalogue is gone."""
    if not lock_against_drop(catalogue):
        return False
    GalScore.objects.in_catalogue(catalogue.pk).filter(model_id=model.pk).delete()
    copy_in(GalScore._meta.db_table, rows)
    said = {"digest": digest, "n_candidates": len(rows)}
    GalScoreRun.objects.update_or_create(model=model, catalogue=catalogue, defaults=said)
    return True


@transaction.atomic
def bring_into_use(model: LearntModel) -> bool:
    """Have a model's scores shown in place of its predecessor's, whose rows go; False if not yet.

    All candidates have to be scored by it, and no later model be there.
    """
    models = list(LearntModel.objects.select_for_update().order_by("pk").only("pk", "is_current"))
    if not models or models[-1].pk != model.pk or models[-1].is_current:
        return False
    scored = GalScoreRun.objects.filter(model=model).values("catalogue")
    if GalCandidate.objects.current().exclude(catalogue__in=scored).exists():
        return False
    LearntModel.objects.filter(is_current=True).update(is_current=False)
    LearntModel.objects.filter(pk=model.pk).update(is_current=True)
    GalScore.objects.exclude(model_id=model.pk).delete()
    GalScoreRun.objects.exclude(model=model).delete()
    return True


def delete_scores(catalogue: GalReference) -> None:
    """Delete what models say of a catalogue's candidates."""
    GalScore.objects.in_catalogue(catalogue.pk).delete()
