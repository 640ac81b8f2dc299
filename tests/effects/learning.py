"""What options of learning change."""

import numpy as np
import pytest

from exposures.errors import GalprojectError
from variables.learning import training
from variables.models import Campaign
from variables.science.learning.examples import Examples
from variables.science.learning.expectation import expectation
from variables.science.learning.fitting import train
from variables.science.learning.injected import with_injected
from variables.vetting import sure_artifacts
from variables.vetting.queue_order import Remaining

N, FEW = 400, 40  # examples, and those of a rare class


def made_examples():
    """Examples, of which a class is rare."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(N, 3)).astype("f4")
    is_real = features[:, 0] + rng.normal(size=N) > 0
    number = np.where(features[:, 1] > 0, 1, 0)
    number[np.flatnonzero(is_real)[:FEW]] = 2
    return Examples(
        features=features,
        is_real=is_real,
        kind=np.where(is_real, number, -1),
        class_number=np.where(is_real, number, -1),
        star=np.arange(N),
        field=np.arange(N) // 10,
        exposure=np.full(N, -1),
        is_usual=np.ones(N, bool),
        weight=np.ones(N),
    )


def model(options):
    """What a model trained on examples says of them, and of those left out; its classes."""
    examples = made_examples()
    try:
        trained = train(examples, ("a", "b", "c"), ("x", "y", "z"), options.learning)
    except GalprojectError as error:
        return str(error)
    scores = trained.classifier.scores(examples.features)
    return trained.classifier.classes, scores.real, scores.classes, trained.real, trained.told


def due(options):
    """Whether people agree on enough, who agree on 20."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "n_agreed", lambda: 20)
        return training.is_due(options.learning)


def stopping(options):
    """Whether one may stop, who has looked at half of those that are expected to be real."""
    expected = expectation(np.array([0.5, 0.5]), np.array([True, False]))
    return Remaining(expected, 2, options.learning.enough).may_stop


def strokes(options):
    """The weight of examples that people voted on in a stroke, as training asks for them."""
    asked = []

    def known(taxonomy, stroke_weight):
        asked.append(stroke_weight)
        raise GalprojectError("no more is asked for")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(GalprojectError):
        patch.setattr(training, "known_candidates", known)
        training.train_model(options.learning, "test", again=True)
    return asked


def checking(options):
    """What a model is sure of, as candidates are asked for, and how many of these are checked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sure_artifacts, "options_in_force", lambda: options)
        return str(sure_artifacts.sure_in(Campaign(pk=1)).query), sure_artifacts.sample_size()


def injected(options):
    """The weights of examples with artificial stars among them."""
    features, is_real = np.full((3, 3), np.nan, "f4"), np.ones(3, bool)
    weight = options.learning.injected_weight
    return with_injected(made_examples(), features, is_real, weight).weight
