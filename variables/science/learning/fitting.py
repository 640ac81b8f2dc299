"""Training of a model on examples, and its figures on those left out."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from exposures.errors import GalprojectError
from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.learning.binning import rounded
from variables.science.learning.calibration import beta_curve
from variables.science.learning.classifier import Classifier, softmax
from variables.science.learning.judging import (
    area_under_curve,
    calibration_error,
    macro_f1,
    reliability,
    share_to_look_at,
)
from variables.science.learning.options import LearningOptions
from variables.science.learning.splits import parts_of, rare_weights
from variables.science.learning.trees import Trees, joined

LEAST_LIKELY = -30.0  # log of a relative probability
LEAST_CALIBRATED = 200  # examples that people voted on, from which on these alone calibrate


@dataclass(frozen=True)
class Examples:
    """Candidates of which the answer is known; arrays (n,) where nothing else is said."""

    features: np.ndarray  # (n, n_features) in their units, NaN where not known
    is_real: np.ndarray  # bool
    kind: np.ndarray  # ids by which rare ones are weighed: of a class, or of a kind of artifact
    class_number: np.ndarray  # index of the class of a real one; -1: of none that is known
    star: np.ndarray  # ids; -1: none
    field: np.ndarray  # ids; -1: none
    exposure: np.ndarray  # ids of the exposure of its first change; -1: none
    is_usual: np.ndarray  # bool: looked at, and as frequent among examples as among candidates
    weight: np.ndarray  # above 0, without a unit; that of its kind comes on top

    def __len__(self) -> int:
        return len(self.is_real)


@dataclass(frozen=True)
class Trained:
    """A model, and what is told of examples (n,) by models trained without them."""

    classifier: Classifier
    real: np.ndarray  # (n,) probabilities
    told: np.ndarray  # (n,) indices of the likeliest class; -1 where none was learnt
    figures: dict[str, Any]


def train(
    examples: Examples,
    names: tuple[str, ...],
    classes: tuple[str, ...],
    options: LearningOptions = LearningOptions(),
) -> Trained:
    """A Trained model of n examples, whose features (n, n_features) have these names and units.

    Gradient-boosted trees on binned features (Ke et al. 2017, NeurIPS 30, 3146), as scikit-learn
    has them: first real or not, then the class among real ones. Probabilities are those of examples
    left out (``beta_curve``), of classes by one exponent (Guo et al. 2017, ICML 70, 1321).
    GalprojectError where examples are too few, or scikit-learn is not installed.
    """
    _check_enough(examples, options)
    examples = replace(examples, features=rounded(examples.features))
    part, split_by = parts_of(examples.star, examples.field, examples.exposure, options.n_parts)
    weight = rare_weights(examples.kind, options.rare_weight, examples.weight)
    everything = np.ones(len(examples), bool)
    target = examples.is_real.astype(int)
    raw = _left_out(examples.features, target, weight, part, options)[:, 1]
    usual = _calibrating(examples)
    of_class = _class_level(examples, weight, part, options)
    classifier = Classifier(
        features=names,
        classes=tuple(classes[kind] for kind in of_class.kinds),
        real=_fitted(examples.features, target, weight, everything, options),
        probability=beta_curve(raw[usual], examples.is_real[usual]),
        class_trees=of_class.trees,
        sharpness=of_class.sharpness,
    )
    real = _calibrated_apart(raw, examples.is_real, usual, part)
    figures = _figures(examples, real, of_class.told, usual, len(classes))
    return Trained(classifier, real, of_class.told, figures | {"split_by": split_by})


@dataclass(frozen=True)
class _ClassLevel:
    """The second level: which class a real candidate is of."""

    kinds: IntArray  # (n_classes,) indices of the classes that are told apart
    trees: Trees | None
    sharpness: float
    told: IntArray  # (n,) of examples left out, indices of classes; -1: not of these


def _class_level(
    examples: Examples, weight: FloatArray, part: IntArray, options: LearningOptions
) -> _ClassLevel:
    known, numbers = np.unique(
        examples.class_number[examples.class_number >= 0], return_counts=True
    )
    kinds = known[numbers >= options.min_of_class]
    told = np.full(len(examples), -1)
    if len(kinds) < 2:
        return _ClassLevel(kinds[:0], None, 1.0, told)
    taught = np.isin(examples.class_number, kinds)
    rows = np.flatnonzero(taught)
    number = np.searchsorted(kinds, examples.class_number[rows])
    features = examples.features[rows]
    raw = _left_out(features, number, weight[rows], part[rows], options)
    told[rows] = kinds[np.argmax(raw, axis=1)]
    trees = _fitted(features, number, weight[rows], np.ones(len(rows), bool), options)
    return _ClassLevel(kinds, trees, _sharpness(raw, number), told)


def _check_enough(examples: Examples, options: LearningOptions) -> None:
    n_real = int(examples.is_real.sum())
    n_others = len(examples) - n_real
    if min(n_real, n_others) < options.min_examples:
        raise GalprojectError(
            f"{n_real} real examples and {n_others} artifacts are too few to learn from; "
            f"{options.min_examples} of each are needed. Vet more candidates, or inject artificial "
            "variables (learning.min_examples)"
        )


def _calibrating(examples: Examples) -> BoolArray:
    """(n,) which examples calibrate: those that people voted on, where they are enough."""
    usual = examples.is_usual
    n_real = np.sum(examples.is_real & usual)
    is_enough = min(n_real, np.sum(usual) - n_real) >= LEAST_CALIBRATED
    return usual if is_enough else np.ones(len(examples), bool)


def _calibrated_apart(
    raw: FloatArray, is_real: BoolArray, usual: BoolArray, part: IntArray
) -> FloatArray:
    """(n,) probabilities of each part by the curve of the others."""
    probability = np.empty(len(raw))
    for one in np.unique(part):
        own, others = part == one, (part != one) & usual
        probability[own] = beta_curve(raw[others], is_real[others]).of(raw[own])
    return probability


def _sharpness(raw: FloatArray, number: IntArray) -> float:
    """The factor of logs (n, n_classes) with which the true classes are likeliest."""
    rows = np.arange(len(number))

    def surprise(log_factor: float) -> float:
        chance = softmax(np.exp(log_factor) * raw)[rows, number]
        return float(-np.mean(np.log(np.maximum(chance, 1e-12))))

    return float(np.exp(minimize_scalar(surprise, bounds=(-2, 1), method="bounded").x))


def _left_out(
    features: FloatArray,
    target: IntArray,
    weight: FloatArray,
    part: IntArray,
    options: LearningOptions,
) -> FloatArray:
    """(n, n_outputs) what is said of each part by a model that was trained on the others.

    A class that the others have no example of gets what can't be less likely.
    """
    raw = np.full((len(target), target.max() + 1), LEAST_LIKELY)
    for one in np.unique(part):
        others = part != one
        there = np.unique(target[others])
        if len(there) > 1:
            number = np.searchsorted(there, target)
            trees = _fitted(features, number, weight, others, options)
            raw[np.ix_(~others, there)] = trees.raw(features[~others])
    return raw


def _fitted(
    features: FloatArray,
    target: IntArray,
    weight: FloatArray,
    rows: BoolArray,
    options: LearningOptions,
) -> Trees:
    boosting, threads = _scikit_learn()
    model = boosting(
        max_iter=options.n_trees if target.max() == 1 else options.n_class_trees,
        max_leaf_nodes=options.max_leaves,
        learning_rate=options.learning_rate,
        min_samples_leaf=options.min_leaf,
        early_stopping=False,
        random_state=0,
    )
    # scikit-learn can't bin a column of which nothing is known.
    some = np.flatnonzero(np.isfinite(features[rows]).any(axis=0))
    # Several threads wait for each other, where others have the cores.
    with threads(limits=1):
        model.fit(features[np.ix_(rows, some)], target[rows], sample_weight=weight[rows])
    # scikit-learn has no other way to its trees; a test compares with its predictions.
    predictors, baseline = model._predictors, model._baseline_prediction  # noqa: SLF001
    nodes = [one.nodes for step in predictors for one in step]
    outputs = [k for step in predictors for k in range(len(step))]
    baseline = np.ravel(baseline)
    if len(baseline) == 1:  # of two classes it has the log of the odds of the second
        outputs, baseline = [1] * len(outputs), np.array([0.0, baseline[0]])
    return joined(nodes, outputs, baseline, some)


def _scikit_learn() -> tuple[Any, Any]:
    """scikit-learn's boosted trees, which only training needs, and its limit of threads."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise GalprojectError(
            "scikit-learn is not installed, which models are trained with. "
            "Install it: pip install --no-deps -r requirements-learning.txt"
        ) from error
    return HistGradientBoostingClassifier, threadpool_limits


def _figures(
    examples: Examples, real: FloatArray, told: IntArray, usual: BoolArray, n_classes: int
) -> dict[str, Any]:
    """Figures on examples left out; shares and areas, as plain numbers for a page."""
    is_real, p = examples.is_real[usual], real[usual]
    bins = reliability(p, is_real)
    known = told >= 0
    return {
        "area_under_curve": area_under_curve(p, is_real),
        "calibration_error": calibration_error(p, is_real),
        "share_to_look_at": share_to_look_at(p, is_real),
        "macro_f1": macro_f1(examples.class_number[known], told[known], n_classes),
        "bins": {
            "number": bins.number.tolist(),
            "expected": _plain(bins.expected),
            "true": _plain(bins.true),
        },
        "judged_on": "votes" if not usual.all() else "all examples",
    }


def _plain(values: FloatArray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]
