"""How many real candidates are expected to be left, by what a model says of each."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray

Z_95 = 1.96


@dataclass(frozen=True)
class Expectation:
    """Real candidates among those that nobody has looked at yet."""

    n_left: int  # candidates that are not done
    real: float  # of these, expected to be real
    low: float  # the 95 % interval of that
    high: float
    share_done: float  # of all that are expected to be real, the share among those that are done


def expectation(
    probability: FloatArray, is_done: BoolArray, calibration_error: float = 0.0
) -> Expectation:
    """The Expectation of candidates (n,) with these probabilities, of which some are done.

    The number of real ones is a sum of independent trials: its variance is that of sum p (1 - p).
    ``calibration_error`` is how far probabilities are off in the mean, a share, all to one side.
    Without any real one expected, all are done.
    """
    left = probability[~is_done]
    real = float(left.sum())
    half = Z_95 * float(np.sqrt(np.sum(left * (1 - left)))) + calibration_error * len(left)
    total = float(probability.sum())
    return Expectation(
        n_left=len(left),
        real=real,
        low=max(real - half, 0.0),
        high=min(real + half, float(len(left))),
        share_done=1 - real / total if total > 0 else 1.0,
    )


def teaches(probability: FloatArray) -> FloatArray:
    """(n,) how much a candidate's vote would teach, by its probability: its entropy, no unit.

    Uncertainty sampling (Lewis & Gale 1994, SIGIR 17, 3).
    """
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)
