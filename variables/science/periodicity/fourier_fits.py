"""Fourier series fitted to a star's light curve at candidate frequencies."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from variables.science.periodicity.curve_matrices import ScaledCurves
from variables.science.periodicity.fourier_evidence import WeightedCurve, fourier_fit, shapes

FALL = 4.0  # variances of amplitudes fall with this power of the order: one rise and one decline
UNEQUAL = 0.2  # variance of odd harmonics of an orbit whose halves are nearly alike


@dataclass(frozen=True)
class StarCurve:
    """The measured epochs of one star by time, of a row of ScaledCurves; arrays (n,)."""

    days: np.ndarray  # from the middle of the span
    band: np.ndarray
    value: np.ndarray  # in units of the scatter
    variance: np.ndarray  # of the errors
    amplitude: np.ndarray  # (n_bands,)
    excess: float  # variance beyond the errors: 1 or 0

    @property
    def span(self) -> Float:
        """Days from the first epoch to the last, a number."""
        return float(self.days[-1] - self.days[0])

    def weight(self, misfit: Float) -> FloatArray:
        """(n,) inverse variances with a misfit, a number in units of the scatter."""
        return 1 / (self.variance + (misfit * self.amplitude[self.band]) ** 2)

    def weighted(self, misfit: Float) -> WeightedCurve:
        """The WeightedCurve with a misfit, a number in units of the scatter."""
        weight = self.weight(misfit)
        return WeightedCurve(self.days, self.band, self.value, weight, self.amplitude)


@dataclass(frozen=True)
class Candidates:
    """Frequencies that are compared; arrays (n,)."""

    frequency: np.ndarray  # cycles a day
    is_halved: np.ndarray  # an orbit of two minima
    evidence: np.ndarray  # logarithm
    order: np.ndarray  # most probable number of harmonics
    misfit: np.ndarray  # most probable, in units of the scatter

    def __getitem__(self, chosen: IntArray | slice) -> "Candidates":
        columns = (self.frequency, self.is_halved, self.evidence, self.order, self.misfit)
        return Candidates(*(column[chosen] for column in columns))

    def joined(self, others: "Candidates") -> "Candidates":
        """These and the others: arrays (n,) with the same units."""
        pairs = [(getattr(self, name), getattr(others, name)) for name in self.__dataclass_fields__]
        return Candidates(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class FourierFit:
    """The most probable Fourier series of a candidate, in units of the scatter."""

    terms: np.ndarray  # (2 n_harmonics,) cosine and sine of each harmonic, for an amplitude of 1
    shape: np.ndarray  # (n,) their sum at the star's epochs
    model: np.ndarray  # (n,) that times the amplitude of each filter, about its mean


def star_curve(curves: ScaledCurves, star: int) -> StarCurve:
    """The StarCurve of one row of ScaledCurves, n_epochs in units of the scatter."""
    measured = np.isfinite(curves.variance[star])
    return StarCurve(
        curves.days[measured],
        curves.band[measured],
        curves.value[star, measured],
        curves.variance[star, measured],
        curves.amplitude[star],
        float(curves.excess[star]),
    )


@cache
def prior_variances(order: int, is_halved: bool) -> FloatArray:
    """(order,) variances of the amplitudes of harmonics, in units of the scatter squared."""
    prior = np.arange(1.0, order + 1) ** -FALL
    prior /= prior.sum()
    return np.column_stack([UNEQUAL * prior, prior]).ravel() if is_halved else prior


def fit(star: StarCurve, found: Candidates, k: int) -> FourierFit:
    """The FourierFit of the candidate k of ``found`` to a StarCurve, in units of its scatter."""
    frequency = float(found.frequency[k])
    prior = prior_variances(int(found.order[k]), bool(found.is_halved[k]))
    solved = fourier_fit(frequency, star.weighted(found.misfit[k]), prior)
    n_bands = len(star.amplitude)
    means, terms = solved[:n_bands], solved[n_bands:]
    shape = shapes(terms, frequency, star.days)
    return FourierFit(terms, shape, means[star.band] + star.amplitude[star.band] * shape)


def score(found: Candidates) -> FloatArray:
    """(n,) logarithms of probabilities, without a unit: evidence times the prior of frequencies."""
    return found.evidence - np.log(found.frequency)
