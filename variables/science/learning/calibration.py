"""Probabilities from what a model says, by how often it was right on examples left out."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from exposures.science.arrays import BoolArray, FloatArray

FARTHEST = 30.0  # log of odds, beyond which nothing is told apart


@dataclass(frozen=True)
class ProbabilityCurve:
    """Probability by what the model says; arrays (n,), straight lines between."""

    raw: np.ndarray  # log of odds, without a unit, rising
    probability: np.ndarray  # rising

    def of(self, raw: FloatArray) -> FloatArray:
        """(m,) probabilities of raw (m,) log of odds, without a unit."""
        return np.interp(raw, self.raw, self.probability)


def isotonic_curve(raw: FloatArray, is_real: BoolArray) -> ProbabilityCurve:
    """The ProbabilityCurve of examples (n,), with what the model says of them without a unit.

    Isotonic regression, centred (Oron & Flournoy 2017, Stat. Biopharm. Res. 9, 258): the
    probability of each block stands at the block's mean, so that the order of candidates is kept
    within it. A block of n of which k are real has (k + 1/2) / (n + 1) (Jeffreys), so that nothing
    is certain. Beyond the ends the curve goes on to those.
    """
    order = np.argsort(raw, kind="stable")
    x, y = np.clip(raw[order], -FARTHEST, FARTHEST), np.asarray(is_real, float)[order]
    starts = isotonic_regression(y).blocks
    sizes, sums = np.diff(starts), np.add.reduceat(y, starts[:-1])
    centre = np.add.reduceat(x, starts[:-1]) / sizes
    share = np.maximum.accumulate((sums + 0.5) / (sizes + 1))
    ends = share[0] * 0.5, (1 + share[-1]) * 0.5
    return ProbabilityCurve(
        np.concatenate([[-FARTHEST - 1], centre, [FARTHEST + 1]]),
        np.concatenate([[ends[0]], share, [ends[1]]]),
    )
