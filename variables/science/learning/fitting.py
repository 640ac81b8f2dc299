"""Training of a model on examples, and its figures on those left out."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from exposures.errors import GalprojectError
from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.learning.binning import rounded
from variables.science.learning.calibration import ProbabilityCurve, beta_curve
from variables.science.learning.classifier import Classifier, softmax
from variables.science.learning.examples import Examples
from variables.science.learning.judging import (
    area_under_curve,
    calibration_error,
    macro_f1,
    reliability,
    share_to_look_at,
)
from variables.science.learning.options import LearningOptions
from variables.science.learning.pixels import (
    BothWays,
    pixel_columns,
    with_and_without_pixels,
    without_pixels,
)
from variables.science.learning.splits import parts_of, rare_weights
from variables.science.learning.trees import Trees, joined, mean_of

LEAST_LIKELY = -30.0  # log of a relative probability
LEAST_CALIBRATED = 200  # examples that people voted on, from which on these alone calibrate


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
    left out (``beta_curve``), of classes by one exponent (Guo et al. 2017, ICML 70, 1321). What is
    said of a candidate is the mean over the trees by which examples were left out: trees of all
    examples would be less sure of artifacts than those that were calibrated. Examples with features
    of pixels are trained on without them as well, and classes are told without.
    GalprojectError where examples are too few, or scikit-learn is not installed.
    """
    _check_enough(examples, options)
    examples = replace(examples, features=rounded(examples.features))
    columns = pixel_columns(names)
    part, split_by = parts_of(examples.star, examples.field, examples.exposure, options.n_parts)
    weight = rare_weights(examples.kind, options.rare_weight, examples.weight)
    of_class = _class_level(without_pixels(examples, columns), weight, part, options)
    both = with_and_without_pixels(examples, columns)
    part, weight = part[both.row], weight[both.row]
    target = both.examples.is_real.astype(int)
    raw, of_parts = _left_out(both.examples.features, target, weight, part, options)
    rows = np.ones(len(part), bool)
    curve, pixel_curve = _curves(raw[:, 1], both, rows)
    classifier = Classifier(
        features=names,
        classes=tuple(classes[kind] for kind in of_class.kinds),
        real=mean_of(of_parts or [_fitted(both.examples.features, target, weight, rows, options)]),
        probability=curve,
        pixel_probability=pixel_curve,
        class_trees=of_class.trees,
        sharpness=of_class.sharpness,
    )
    real = _calibrated_apart(raw[:, 1], both, part)
    figures = _figures(both, real, of_class.told, len(classes))
    as_they_are = real[: len(examples)]
    return Trained(classifier, as_they_are, of_class.told, figures | {"split_by": split_by})


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
    raw, _ = _left_out(features, number, weight[rows], part[rows], options)
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


def _calibrating(examples: Examples, rows: BoolArray) -> BoolArray:
    """(n,) which of some rows (n,) calibrate: those that people voted on, where they are enough."""
    usual = rows & examples.is_usual
    return usual if _least(examples, usual) >= LEAST_CALIBRATED else rows


def _least(examples: Examples, rows: BoolArray) -> int:
    """The number of real ones, or of artifacts, among rows (n,): of which there are fewer."""
    n_real = int(np.sum(examples.is_real & rows))
    return min(n_real, int(np.sum(rows)) - n_real)


def _curves(
    raw: FloatArray, both: BothWays, rows: BoolArray
) -> tuple[ProbabilityCurve, ProbabilityCurve]:
    """Of candidates without pixels, and of those with, by what is said of some rows (n,).

    With pixels a model tells better, so that the same that it says is another probability. Where
    few examples have any, it is that of the others.
    """
    is_real = both.examples.is_real
    own = _calibrating(both.examples, rows & ~both.has_pixels)
    curve = beta_curve(raw[own], is_real[own])
    pixels = rows & both.has_pixels & both.examples.is_usual
    if _least(both.examples, pixels) < LEAST_CALIBRATED:
        return curve, curve
    return curve, beta_curve(raw[pixels], is_real[pixels])


def _calibrated_apart(raw: FloatArray, both: BothWays, part: IntArray) -> FloatArray:
    """(n,) probabilities of each part by the curves of the others."""
    probability = np.empty(len(raw))
    for one in np.unique(part):
        for curve, kind in zip(
            _curves(raw, both, part != one), (~both.has_pixels, both.has_pixels), strict=True
        ):
            own = (part == one) & kind
            probability[own] = curve.of(raw[own])
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
) -> tuple[FloatArray, list[Trees]]:
    """(n, n_outputs) what is said of each part by trees that were fitted to the others; these.

    A class that the others have no example of gets what can't be less likely, and such trees are
    left out.
    """
    n_outputs = int(target.max()) + 1
    raw = np.full((len(target), n_outputs), LEAST_LIKELY)
    fitted = []
    for one in np.unique(part):
        others = part != one
        there = np.unique(target[others])
        if len(there) > 1:
            number = np.searchsorted(there, target)
            trees = _fitted(features, number, weight, others, options)
            raw[np.ix_(~others, there)] = trees.raw(features[~others])
            if len(there) == n_outputs:
                fitted.append(trees)
    return raw, fitted


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


def _figures(both: BothWays, real: FloatArray, told: IntArray, n_classes: int) -> dict[str, Any]:
    """Figures on examples left out; shares and areas, as plain numbers for a page."""
    examples = both.examples
    usual = _calibrating(examples, ~both.is_copy)
    is_real, p = examples.is_real[usual], real[usual]
    bins = reliability(p, is_real)
    known = np.flatnonzero(told >= 0)
    figures = {
        "area_under_curve": area_under_curve(p, is_real),
        "calibration_error": calibration_error(p, is_real),
        "share_to_look_at": share_to_look_at(p, is_real),
        "macro_f1": macro_f1(examples.class_number[known], told[known], n_classes),
        "bins": {
            "number": bins.number.tolist(),
            "expected": _plain(bins.expected),
            "true": _plain(bins.true),
        },
        "judged_on": "all examples" if usual[~both.is_copy].all() else "votes",
    }
    if both.is_copy.any():
        rows = _calibrating(examples, ~both.has_pixels)
        figures["with_pixels"] = int(both.has_pixels.sum())
        figures["area_without_pixels"] = area_under_curve(real[rows], examples.is_real[rows])
        figures["error_without_pixels"] = calibration_error(real[rows], examples.is_real[rows])
    return figures


def _plain(values: FloatArray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]
