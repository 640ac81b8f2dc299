"""Examples with features of pixels, which some candidates have: each comes without them as well."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.learning.examples import Examples, joined_examples
from variables.science.learning.features import PIXEL_FEATURES


def pixel_columns(names: tuple[str, ...]) -> IntArray:
    """(n,) indices, without a unit, of those features that are of pixels."""
    return np.flatnonzero(np.isin(names, PIXEL_FEATURES))


def has_pixels(features: FloatArray, columns: IntArray) -> BoolArray:
    """(n,) whether any of the ``columns`` of features (n, n_features), in any unit, is known."""
    return np.asarray(np.isfinite(features[:, columns]).any(axis=1))


def without_pixels(examples: Examples, columns: IntArray) -> Examples:
    """The n examples without the ``columns`` that are of pixels, indices without a unit."""
    features = examples.features.copy()
    features[:, columns] = np.nan
    return replace(examples, features=features)


@dataclass(frozen=True)
class BothWays:
    """Examples, after which those that have features of pixels come again without them."""

    examples: Examples  # of n + n_copies
    row: np.ndarray  # (n + n_copies,) which of the n examples each is
    has_pixels: np.ndarray  # (n + n_copies,) bool; of each of the n one is without
    is_copy: np.ndarray  # (n + n_copies,) bool


def with_and_without_pixels(examples: Examples, columns: IntArray) -> BothWays:
    """Of n examples BothWays, by the ``columns`` that are of pixels, indices without a unit.

    Pixels are measured of what people are shown, above all, so that most examples have their
    features and most candidates have not: a model would tell them by whether there are any.
    """
    has = has_pixels(examples.features, columns)
    rows = np.flatnonzero(has)
    n, n_copies = len(examples), len(rows)
    return BothWays(
        joined_examples(examples, without_pixels(examples.select(rows), columns)),
        np.append(np.arange(n), rows),
        np.append(has, np.zeros(n_copies, bool)),
        np.arange(n + n_copies) >= n,
    )
