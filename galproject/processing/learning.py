"""Models learnt from votes: trained when enough are new, and asked about all candidates."""

import logging

from exposures.errors import GalprojectError
from galproject.configuration.loading import load_options
from galproject.processing.version import code_version
from variables.learning.scoring import model_to_score_by, score_candidates
from variables.learning.training import train_model
from variables.models import LearntModel

logger = logging.getLogger(__name__)


def train(again: bool = False) -> LearntModel | None:
    """Train a model by the options in force, where enough votes are new or ``again``."""
    return train_model(load_options().learning, code_version(), again)


def learn() -> int:
    """Train a model where enough votes are new, and score what changed; how many candidates.

    Where no model can be trained, as examples are too few or a package is missing, the last one
    goes on.
    """
    try:
        train()
    except GalprojectError as error:
        logger.warning("no model is trained: %s", error)
    model = model_to_score_by()
    if model is None:
        return 0
    return sum(one.n_candidates or 0 for one in score_candidates(model))
