"""Generalised Lomb-Scargle periodograms of many stars that share their epochs."""

from itertools import pairwise

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from variables.science.periodicity.curve_matrices import ScaledCurves
from variables.science.periodicity.frequencies import FrequencyGrid, cosine_tables
from variables.science.periodicity.periodogram_power import MARGIN, powers

FREQUENCIES_AT_ONCE = 1024
STARS_AT_ONCE = 256
STARS_IN_CACHE = 64  # of the processor, with their sums at so many frequencies
# Cycles over the span from one frequency to the next, at which sums of every second one tell all.
MOST_TURNS, ROUNDING = 0.2, 1e-9


def periodograms(curves: ScaledCurves, grid: FrequencyGrid) -> FloatArray:
    """(n_stars, n_frequencies) powers, 0 to 1, in single precision, without a unit.

    ``curves`` are ScaledCurves in units of their scatter, ``grid`` the FrequencyGrid. One sinusoid
    for all filters, times the amplitude of each, about a free mean of each (Zechmeister & Kuerster
    2009, A&A 496, 577, with a mean for each filter). As the stars share their epochs, sums over
    times are products of matrices. Power at frequencies that the epochs can't tell from a mean is
    drawn to 0. Where the grid has five frequencies a peak or more, sums are taken at every second
    one, and are interpolated between (``powers``): they are of limited bandwidth.
    """
    order = np.argsort(curves.band, kind="stable")
    w, wy, limits = _weights(curves, order)
    bands = [slice(*limits[band : band + 2]) for band in range(curves.n_bands)]
    inverse = np.array([1 / np.maximum(w[:, of].sum(axis=1), 1e-12) for of in bands], "f4")
    power = np.empty((len(w), grid.n), "f4")
    is_dense = grid.step * np.ptp(curves.days) <= MOST_TURNS + ROUNDING
    margin, spacing = (MARGIN, 2) if is_dense else (0, 1)
    size = min(FREQUENCIES_AT_ONCE, -(-grid.n // spacing) + 2 * margin)
    places = range(0, grid.n, spacing * (size - 2 * margin))
    starts = grid.step * (grid.first + np.array(places) - spacing * margin)
    tables = cosine_tables(curves.days[order], starts, spacing * grid.step, size)
    # Made once: to have memory given and taken for each block costs as much as its products.
    n_together = min(STARS_IN_CACHE, len(w))
    whole = np.empty((4, n_together, size), "f4")
    by_band = np.empty((2, len(bands), n_together, size), "f4")
    groups = [slice(first, first + n_together) for first in range(0, len(w), STARS_IN_CACHE)]
    for place, cosines in zip(places, tables, strict=True):
        for stars in groups:
            some = len(power[stars])
            for factor, cosine, out in zip((wy, wy, w, w), cosines, whole, strict=True):
                np.matmul(factor[stars], cosine, out=out[:some])
            for k, of in enumerate(bands):
                np.matmul(w[stars, of], cosines[0, of], out=by_band[0, k, :some])
                np.matmul(w[stars, of], cosines[1, of], out=by_band[1, k, :some])
            powers(whole, by_band, inverse[:, stars], margin, power[stars], place)
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
