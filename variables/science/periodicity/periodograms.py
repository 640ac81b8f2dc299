"""Generalised Lomb-Scargle periodograms of many stars that share their epochs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.curve_matrices import ScaledCurves
from variables.science.periodicity.periodogram_power import powers, turned_cosines

LONGEST = 0.2  # cycles within the span, of the longest period: what only rises or falls
MOST_FREQUENCIES = 20_000_000  # of a grid: 20 years down to 2 minutes
FREQUENCIES_AT_ONCE = 512  # their cosines and sums of 256 stars stay in the processor's cache
STARS_AT_ONCE = 256


@dataclass(frozen=True)
class FrequencyGrid:
    """Frequencies at multiples of a step, so that harmonics of one are others of them."""

    step: Float  # cycles a day
    first: int  # the number of steps of the lowest
    n: int

    @property
    def frequency(self) -> FloatArray:
        """(n,) cycles a day: the inverse of days."""
        return self.step * np.arange(self.first, self.first + self.n)


def frequency_grid(span_days: Float, options: PeriodOptions) -> FrequencyGrid:
    """The FrequencyGrid of epochs that span a number of days, with samples as the options say."""
    step = 1 / (options.samples_per_peak * span_days)
    first = max(int(np.ceil(LONGEST * options.samples_per_peak)), 1)
    last = min(int(1 / options.min_days / step), MOST_FREQUENCIES)
    return FrequencyGrid(step, first, max(last - first + 1, 0))


def periodograms(curves: ScaledCurves, grid: FrequencyGrid) -> FloatArray:
    """(n_stars, n_frequencies) powers, 0 to 1, in single precision, without a unit.

    ``curves`` are ScaledCurves in units of their scatter, ``grid`` the FrequencyGrid. One sinusoid
    for all filters, times the amplitude of each, about a free mean of each (Zechmeister & Kuerster
    2009, A&A 496, 577, with a mean for each filter). As the stars share their epochs, sums over
    times are products of matrices. Power at frequencies that the epochs can't tell from a mean is
    drawn to 0.
    """
    order = np.argsort(curves.band, kind="stable")
    w, wy, limits = _weights(curves, order)
    bands = [slice(*limits[band : band + 2]) for band in range(curves.n_bands)]
    inverse = np.array([1 / np.maximum(w[:, of].sum(axis=1), 1e-12) for of in bands], "f4")
    power = np.empty((len(w), grid.n), "f4")
    # Made once: to have memory given and taken for each block costs as much as its products.
    size = min(FREQUENCIES_AT_ONCE, grid.n)
    whole = np.empty((4, len(w), size), "f4")
    by_band = np.empty((2, len(bands), len(w), size), "f4")
    for start, cosines in _cosines(curves.days[order], grid):
        n = cosines.shape[2]
        factors = zip((wy, wy, w, w), cosines, whole[..., :n], strict=True)
        for factor, cosine, out in factors:
            np.matmul(factor, cosine, out=out)
        for k, of in enumerate(bands):
            np.matmul(w[:, of], cosines[0, of], out=by_band[0, k, :, :n])
            np.matmul(w[:, of], cosines[1, of], out=by_band[1, k, :, :n])
        powers(whole, by_band, inverse, power, start)
    return power


def _weights(curves: ScaledCurves, order: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Weights, and weights times values, of epochs in order of their filters; where each begins.

    Weights add to 1, and values have the mean 0 in each filter and the variance 1.
    """
    band = curves.band[order]
    limits = np.searchsorted(band, np.arange(curves.n_bands + 1))
    amplitude = curves.amplitude[:, band]
    weight = curves.weight[:, order] * amplitude**2
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    value = curves.value[:, order] / amplitude
    for first, last in pairwise(limits):
        of = slice(first, last)
        total = np.maximum(weight[:, of].sum(axis=1, keepdims=True), np.finfo(float).tiny)
        value[:, of] -= np.sum(weight[:, of] * value[:, of], axis=1, keepdims=True) / total
    weighted = weight * value
    variance = np.maximum(np.sum(weighted * value, axis=1), np.finfo(float).tiny)
    return weight.astype("f4"), (weighted / np.sqrt(variance)[:, None]).astype("f4"), limits


def _cosines(days: FloatArray, grid: FrequencyGrid) -> Iterator[tuple[int, FloatArray]]:
    """(start, cosines, sines, and those at doubled frequency) of ever higher frequencies.

    Those of a block are those of the first turned to where it begins: only the first few take
    trigonometric functions.
    """
    size = min(FREQUENCIES_AT_ONCE, grid.n)
    near_cos, near_sin = _turned(np.outer(days, grid.step * np.arange(size)))
    table = np.empty((4, len(days), size), "f4")
    for start in range(0, grid.n, size):
        n = min(size, grid.n - start)
        far_cos, far_sin = _turned(days[:, None] * (grid.step * (grid.first + start)))
        turned_cosines(far_cos[:, 0], far_sin[:, 0], near_cos, near_sin, table)
        yield start, table[..., :n]


def _turned(turns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cosines and sines, of single precision, of turns of double."""
    angle = (2 * np.pi * (turns - np.floor(turns))).astype("f4")
    return np.cos(angle), np.sin(angle)
