"""Equations of Fourier series that are fitted to a star's light curve, and their solution.

What is here is compiled into what calls it. Means of filters come first, then cosine and sine of
each harmonic, for an amplitude of 1.
"""

from typing import NamedTuple

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import inlined

MEAN_VARIANCE = 4.0  # of the mean of a filter, about that of its epochs
PI = np.pi
LANES = 8  # frequencies whose equations are solved side by side, as a processor's registers are


class StarCurve(NamedTuple):
    """The measured epochs of one star by time; arrays (n,) but for the amplitudes."""

    days: FloatArray  # from the middle of the span of all stars
    band: IntArray
    value: FloatArray  # in units of the scatter
    variance: FloatArray  # of the errors
    amplitude: FloatArray  # (n_bands,) of each filter, about 1

    @property
    def span(self) -> float:
        """Days from the first epoch to the last, a number."""
        return float(self.days[-1] - self.days[0])


class FourierModels(NamedTuple):
    """Fourier series that are fitted to a StarCurve, each at a frequency; arrays (n,)."""

    frequency: FloatArray  # cycles a day
    misfit: FloatArray  # of the star from its series, in units of the scatter
    n_orders: IntArray  # number of harmonics
    prior: FloatArray  # (n, n_orders at most) variances of amplitudes, 0 beyond


class Factors(NamedTuple):
    """What is summed over epochs, with cosines and sines and without."""

    squared: FloatArray  # (n,) weights times squared amplitudes
    by_band: FloatArray  # (n_bands, n) weights times amplitudes, 0 in other filters
    by_value: FloatArray  # (n,) weights times amplitudes times values
    band_weight: FloatArray  # (n_bands,)
    band_value: FloatArray  # (n_bands,) of weights times values
    unexplained: float  # logarithm of the probability of values that only noise explains


@inlined
def weights(curve: StarCurve, misfit: float) -> FloatArray:
    """(n,) inverse variances with a misfit, a number in units of the scatter, by filter."""
    found = np.empty(len(curve.value))
    for i in range(len(found)):
        added = misfit * curve.amplitude[curve.band[i]]
        found[i] = 1 / (curve.variance[i] + added * added)
    return found


@inlined
def factors_of(curve: StarCurve, misfit: float) -> Factors:
    """The Factors of (n,) values with a misfit, a number, both in units of the scatter."""
    _, band, value, _, amplitude = curve
    n, n_bands = len(value), len(amplitude)
    weight = weights(curve, misfit)
    squared, by_value, by_band = np.empty(n), np.empty(n), np.zeros((n_bands, n))
    band_weight, band_value = np.zeros(n_bands), np.zeros(n_bands)
    unexplained = 0.0
    for i in range(n):
        of, w, y = band[i], weight[i], value[i]
        scaled = w * amplitude[of]
        squared[i], by_band[of, i], by_value[i] = scaled * amplitude[of], scaled, scaled * y
        band_weight[of] += w
        band_value[of] += w * y
        unexplained += 0.5 * (np.log(w) - w * y * y)
    return Factors(squared, by_band, by_value, band_weight, band_value, unexplained)


@inlined
def waves(turns: FloatArray, cos: FloatArray, sin: FloatArray) -> None:
    """Cosines and sines of turns, to 1e-11: power series of half the angle, which vectorise."""
    for i in range(len(turns)):
        x = PI * (turns[i] - np.floor(turns[i] + 0.5))
        z = x * x
        s = x * (
            1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110 * (1 - z / 156)))))
        )
        s += x * z**7 * (-1 / 1307674368000 + z / 355687428096000)
        c = 1 - z / 2 * (
            1 - z / 12 * (1 - z / 30 * (1 - z / 56 * (1 - z / 90 * (1 - z / 132 * (1 - z / 182)))))
        )
        c += z**8 * (1 / 20922789888000 - z / 6402373705728000)
        cos[i] = 1 - 2 * s * s
        sin[i] = 2 * s * c


@inlined
def _sum(factor: FloatArray, wave: FloatArray) -> float:
    total = 0.0
    for i in range(len(wave)):
        total += factor[i] * wave[i]
    return total


@inlined
def normal_equations(
    frequency: float, days: FloatArray, factors: Factors, matrix: FloatArray, right: FloatArray
) -> None:
    """The equations of the means of filters, then cosine and sine of each harmonic.

    Products of harmonics are sums of those of other orders, so that sums over epochs are taken for
    each order up to twice the highest, and for no pair.
    """
    n, n_bands = len(days), len(factors.band_weight)
    order = (len(right) - n_bands) // 2
    c1, s1 = np.empty(n), np.empty(n)
    waves(days * frequency, c1, s1)
    ck, sk = c1.copy(), s1.copy()
    for b in range(n_bands):
        for p in range(b):
            matrix[b, p] = 0
        matrix[b, b], right[b] = factors.band_weight[b], factors.band_value[b]
    cos_sum, sin_sum = np.zeros(2 * order + 1), np.zeros(2 * order + 1)
    cos_sum[0] = factors.squared.sum()
    for k in range(1, 2 * order + 1):
        cos_sum[k], sin_sum[k] = _sum(factors.squared, ck), _sum(factors.squared, sk)
        if k <= order:
            at = n_bands + 2 * (k - 1)
            for b in range(n_bands):
                matrix[at, b] = _sum(factors.by_band[b], ck)
                matrix[at + 1, b] = _sum(factors.by_band[b], sk)
            right[at], right[at + 1] = _sum(factors.by_value, ck), _sum(factors.by_value, sk)
        for i in range(n):
            c = ck[i] * c1[i] - sk[i] * s1[i]
            sk[i] = sk[i] * c1[i] + ck[i] * s1[i]
            ck[i] = c
    for k in range(1, order + 1):
        for m in range(1, k + 1):
            row, column = n_bands + 2 * (k - 1), n_bands + 2 * (m - 1)
            matrix[row, column] = (cos_sum[k - m] + cos_sum[k + m]) / 2
            matrix[row + 1, column + 1] = (cos_sum[k - m] - cos_sum[k + m]) / 2
            matrix[row + 1, column] = (sin_sum[k + m] + sin_sum[k - m]) / 2
            if m < k:
                matrix[row, column + 1] = (sin_sum[k + m] - sin_sum[k - m]) / 2


@inlined
def units(prior: FloatArray, n_bands: int) -> FloatArray:
    """The priors' standard deviations of the means of filters and of each cosine and sine."""
    unit = np.empty(n_bands + 2 * len(prior))
    for p in range(len(unit)):
        unit[p] = np.sqrt(MEAN_VARIANCE if p < n_bands else prior[(p - n_bands) // 2])
    return unit


@inlined
def factorise(matrix: FloatArray, right: FloatArray, unit: FloatArray) -> None:
    """Cholesky's factor in place of matrices (n, n, LANES), its inverse times the right (n, LANES).

    Of the equations of amplitudes in units ``unit`` of their priors' standard deviations. The
    diagonal is the inverse of the factor's.
    """
    for p in range(len(unit)):
        for q in range(p):
            scale = unit[p] * unit[q]
            for lane in range(LANES):
                matrix[p, q, lane] *= scale
            for k in range(q):
                for lane in range(LANES):
                    matrix[p, q, lane] -= matrix[p, k, lane] * matrix[q, k, lane]
            for lane in range(LANES):
                matrix[p, q, lane] *= matrix[q, q, lane]
        for lane in range(LANES):
            matrix[p, p, lane] = matrix[p, p, lane] * unit[p] * unit[p] + 1
            right[p, lane] *= unit[p]
        for k in range(p):
            for lane in range(LANES):
                matrix[p, p, lane] -= matrix[p, k, lane] * matrix[p, k, lane]
                right[p, lane] -= matrix[p, k, lane] * right[k, lane]
        for lane in range(LANES):
            inverse = 1 / np.sqrt(max(matrix[p, p, lane], 1e-12))
            matrix[p, p, lane] = inverse
            right[p, lane] *= inverse
