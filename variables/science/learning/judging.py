"""How good a model is on examples that it wasn't trained on."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray

N_BINS = 10


def area_under_curve(score: FloatArray, is_real: BoolArray) -> float:
    """The probability that a real example has a larger score than another (n,), in any unit.

    The area under the curve of true over false positives, by ranks (Hanley & McNeil 1982,
    Radiology 143, 29). NaN where all (n,) are of one kind.
    """
    n_real = int(np.sum(is_real))
    n_others = len(score) - n_real
    if n_real == 0 or n_others == 0:
        return float("nan")
    # As scipy.stats has it, which takes a second to be imported by each command.
    _, places, numbers = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(numbers) - (numbers - 1) / 2  # of equal scores
    ranks = mean_ranks[places][np.asarray(is_real, bool)]
    return float((ranks.sum() - n_real * (n_real + 1) / 2) / (n_real * n_others))


@dataclass(frozen=True)
class Reliability:
    """Expected and true shares by bins of probability, of the same width; arrays (n_bins,).

    NaN where a bin is empty.
    """

    number: np.ndarray  # of examples
    expected: np.ndarray  # mean probability
    true: np.ndarray  # share of them that are real


def reliability(probability: FloatArray, is_real: BoolArray, n_bins: int = N_BINS) -> Reliability:
    """The Reliability of probabilities (n,) of examples."""
    bins = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    number = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        expected = np.bincount(bins, probability, n_bins) / number
        true = np.bincount(bins, np.asarray(is_real, float), n_bins) / number
    return Reliability(number, expected, true)


def calibration_error(probability: FloatArray, is_real: BoolArray) -> float:
    """Mean difference of expected and true shares in ten bins of probability (n,), by numbers."""
    found = reliability(probability, is_real)
    full = found.number > 0
    off = np.abs(found.expected - found.true)[full]
    return float(np.average(off, weights=found.number[full]))


def macro_f1(true: IntArray, told: IntArray, n_classes: int) -> float:
    """The mean F1 of classes, of true and told indices (n,) of classes; NaN without an example.

    F1 is twice the true positives over those that have the class and those that are told to have
    it. Classes without an example are left out.
    """
    both = np.bincount(true[true == told], minlength=n_classes)
    have, are_told = (np.bincount(one, minlength=n_classes) for one in (true, told))
    there = have > 0
    if not there.any():
        return float("nan")
    return float(np.mean(2 * both[there] / (have + are_told)[there]))


def share_to_look_at(score: FloatArray, is_real: BoolArray, wanted: float = 0.95) -> float:
    """The share of candidates (n,) to be looked at, by falling score in any unit.

    Until the ``wanted`` share of the real ones is found. NaN without a real one.
    """
    n_real = int(np.sum(is_real))
    if n_real == 0:
        return float("nan")
    order = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
    found = np.cumsum(np.asarray(is_real, bool)[order])
    return float((np.searchsorted(found, wanted * n_real - 1e-9) + 1) / len(score))
