"""Fourier series fitted to a star's light curve at candidate frequencies."""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from variables.science.periodicity.curve_matrices import ScaledCurves
from variables.science.periodicity.fourier_equations import FourierModels, StarCurve
from variables.science.periodicity.fourier_series import fourier_fits, shapes_of_each

FALL = 4.0  # variances of amplitudes fall with this power of the order: one rise and one decline
N_PHASES = 200  # at which a series is looked at
UNEQUAL = 0.2  # variance of odd harmonics of an orbit whose halves are nearly alike


@dataclass(frozen=True)
class Candidates:
    """Frequencies that are compared; arrays (n,)."""

    frequency: np.ndarray  # cycles a day
    is_halved: np.ndarray  # an orbit of two minima
    evidence: np.ndarray  # logarithm
    order: np.ndarray  # most probable number of harmonics
    misfit: np.ndarray  # most probable, in units of the scatter

    @classmethod
    def unranked(cls, frequency: FloatArray) -> "Candidates":
        """Those of (n,) frequencies in cycles a day, of which nothing is known."""
        n = len(frequency)
        nothing = np.zeros(n)
        return cls(frequency, np.zeros(n, bool), nothing, np.zeros(n, int), nothing)

    def __getitem__(self, chosen: IntArray | slice) -> "Candidates":
        columns = (self.frequency, self.is_halved, self.evidence, self.order, self.misfit)
        return Candidates(*(column[chosen] for column in columns))

    def joined(self, others: "Candidates") -> "Candidates":
        """These and the others: arrays (n,) with the same units."""
        pairs = [(getattr(self, one.name), getattr(others, one.name)) for one in fields(self)]
        return Candidates(*(np.concatenate(pair) for pair in pairs))

    @property
    def models(self) -> FourierModels:
        """The FourierModels of each, with its most probable misfit in units of the scatter."""
        priors = [
            prior_variances(order, halved)
            for order, halved in zip(self.order.tolist(), self.is_halved.tolist(), strict=True)
        ]
        n_orders = np.array([len(prior) for prior in priors])
        padded = np.zeros((len(priors), n_orders.max()))
        for row, prior in zip(padded, priors, strict=True):
            row[: len(prior)] = prior
        return FourierModels(self.frequency, self.misfit, n_orders, padded)


@dataclass(frozen=True)
class FourierFits:
    """The most probable Fourier series of each of n candidates, in units of the scatter."""

    terms: np.ndarray  # (n, 2 n_orders) cosine and sine of each harmonic, for an amplitude of 1
    shape: np.ndarray  # (n, n_epochs) their sum at the star's epochs
    model: np.ndarray  # (n, n_epochs) that times the amplitude of each filter, about its mean


@dataclass(frozen=True)
class ShapeFigures:
    """What a Fourier series looks like, of n of them; NaN of harmonics that are not there."""

    amplitude: np.ndarray  # (n,) half the range, in the unit of the terms
    ratios: np.ndarray  # (2, n) of the amplitudes of the second and third harmonic to the first
    phases: np.ndarray  # (2, n) 0 to 2 pi, less twice and three times that of the first


def star_curve(curves: ScaledCurves, star: int) -> StarCurve:
    """The StarCurve of one row of ScaledCurves, n_epochs in units of the scatter."""
    measured = np.isfinite(curves.variance[star])
    return StarCurve(
        curves.days[measured],
        curves.band[measured],
        curves.value[star, measured],
        curves.variance[star, measured],
        curves.amplitude[star],
    )


@cache
def prior_variances(order: int, is_halved: bool) -> FloatArray:
    """(order,) variances of the amplitudes of harmonics, in units of the scatter squared."""
    prior = np.arange(1.0, order + 1) ** -FALL
    prior /= prior.sum()
    return np.column_stack([UNEQUAL * prior, prior]).ravel() if is_halved else prior


def fits(star: StarCurve, models: FourierModels) -> FourierFits:
    """The FourierFits of n FourierModels to a StarCurve, in units of its scatter."""
    solved = fourier_fits(models, star)
    n_bands = len(star.amplitude)
    means, terms = solved[:, :n_bands], solved[:, n_bands:]
    shape = shapes_of_each(terms, models.frequency, star.days)
    return FourierFits(terms, shape, means[:, star.band] + star.amplitude[star.band] * shape)


def shape_figures(terms: FloatArray) -> ShapeFigures:
    """The ShapeFigures of (n, 2 n_orders) cosines and sines, those that are not there 0; any unit.

    Phases are those of cosines (Simon & Lee 1981, ApJ 248, 291), for values that rise as mag do.
    """
    n_orders = terms.shape[1] // 2
    series = terms @ _waves_at_phases(n_orders)
    cos, sin = np.zeros((2, max(n_orders, 3), len(terms)))
    cos[:n_orders], sin[:n_orders] = terms[:, ::2].T, terms[:, 1::2].T
    amplitude, phase = np.hypot(cos[:3], sin[:3]), np.arctan2(-sin[:3], cos[:3])
    higher = np.where(amplitude[1:] > 0, amplitude[1:], np.nan)
    phases = (phase[1:] - np.array([[2], [3]]) * phase[0]) % (2 * np.pi)
    return ShapeFigures(
        (series.max(axis=1) - series.min(axis=1)) / 2,
        higher / amplitude[0],
        np.where(amplitude[1:] > 0, phases, np.nan),
    )


@cache
def _waves_at_phases(n_orders: int) -> FloatArray:
    """(2 n_orders, N_PHASES) cosine and sine of each harmonic."""
    angle = 2 * np.pi * np.arange(1, n_orders + 1)[:, None] * np.arange(N_PHASES) / N_PHASES
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, N_PHASES)


def score(found: Candidates) -> FloatArray:
    """(n,) logarithms of probabilities, without a unit: evidence times the prior of frequencies."""
    return found.evidence - np.log(found.frequency)
