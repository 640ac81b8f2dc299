"""Probabilities from what a model says, by how often it was right on examples left out."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from exposures.science.arrays import BoolArray, FloatArray

FARTHEST = 30.0  # log of odds, beyond which nothing is told apart
N_POINTS = 601  # of a curve
LEAST_FACTOR = 0.01  # by which probabilities rise everywhere


@dataclass(frozen=True)
class ProbabilityCurve:
    """Probability by what the model says; arrays (n,), straight lines between."""

    raw: np.ndarray  # log of odds, without a unit, rising
    probability: np.ndarray  # rising

    def of(self, raw: FloatArray) -> FloatArray:
        """(m,) probabilities of raw (m,) log of odds, without a unit."""
        return np.interp(raw, self.raw, self.probability)


def beta_curve(raw: FloatArray, is_real: BoolArray) -> ProbabilityCurve:
    """The ProbabilityCurve of examples (n,), with what the model says of them without a unit.

    Beta calibration (Kull, Silva Filho & Flach 2017, AISTATS 54, 623): the log of the odds is a
    multiple of ln p, less one of ln(1 - p), and a constant, of p that the model says. It has three
    numbers, so that it holds where few examples are between real ones and artifacts, unlike
    isotonic regression. They are fitted to targets a little within 0 and 1 (Platt 1999, Advances in
    Large Margin Classifiers, 61). No probability is nearer to 0 and 1 than one in twice as many as
    there are artifacts and real ones: n of a kind tell no more.
    """
    x, is_real = np.clip(raw, -FARTHEST, FARTHEST), np.asarray(is_real, bool)
    n_real, n_others = int(np.sum(is_real)), int(np.sum(~is_real))
    target = np.where(is_real, (n_real + 1) / (n_real + 2), 1 / (n_others + 2))
    terms = _terms(x)

    def surprise(factors: FloatArray) -> tuple[float, FloatArray]:
        odds = terms @ factors
        off = expit(odds) - target
        return float(np.mean(np.logaddexp(0, odds) - target * odds)), off @ terms / len(x)

    bounds = ((LEAST_FACTOR, None), (LEAST_FACTOR, None), (None, None))
    factors = minimize(surprise, (1.0, 1.0, 0.0), jac=True, method="L-BFGS-B", bounds=bounds).x
    grid = np.linspace(-FARTHEST, FARTHEST, N_POINTS)
    low, high = 0.5 / (n_others + 1), 0.5 / (n_real + 1)
    return ProbabilityCurve(grid, low + (1 - low - high) * expit(_terms(grid) @ factors))


def _terms(x: FloatArray) -> FloatArray:
    """(n, 3) what the factors are of: ln p, -ln(1 - p) and 1, by logs of odds (n,)."""
    return np.column_stack([-np.logaddexp(0, -x), np.logaddexp(0, x), np.ones(len(x))])
