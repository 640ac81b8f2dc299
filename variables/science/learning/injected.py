"""Artificial stars among the examples: their truth is known, and they must not mislead."""

from dataclasses import replace

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from variables.science.learning.examples import Examples, joined_examples

NONE = -1


def with_injected(
    examples: Examples, features: FloatArray, is_real: BoolArray, weight: float
) -> Examples:
    """Examples with those of m artificial stars, whose ``features`` (m, n_features) are in units.

    Of these the features that take many epochs are not known: a model would tell them by that,
    and take whatever was measured little for real, as most of them vary. So each of the n examples
    comes a second time, without the features that no artificial star has. Neither judges or
    calibrates, or teaches a class. Artificial stars have ``weight``, without a unit; without any
    the examples are as they were.
    """
    n, m = len(examples), len(features)
    if m == 0 or weight == 0:
        return examples
    is_missing = ~np.isfinite(features).any(axis=0)
    copies = replace(
        examples,
        features=np.where(is_missing, np.nan, examples.features).astype(examples.features.dtype),
        class_number=np.full(n, NONE),
        is_usual=np.zeros(n, bool),
    )
    last = {name: getattr(examples, name).max(initial=0) for name in ("kind", "star")}
    artificial = Examples(
        features=features,
        is_real=is_real,
        kind=last["kind"] + 1 + is_real,
        class_number=np.full(m, NONE),
        star=last["star"] + 1 + np.arange(m),
        field=np.full(m, NONE),
        exposure=np.full(m, NONE),
        is_usual=np.zeros(m, bool),
        weight=np.full(m, weight),
    )
    return joined_examples(examples, copies, artificial)
