"""How well Fourier series of a period explain a light curve, for any number of harmonics.

Arrays are those of one star: values in units of its scatter, weights the inverse of their variance.
The prior of each cosine's and sine's amplitude is Gaussian, with a variance that falls with the
order; means of filters have a wide one. So the evidence is a determinant and a quadratic form, and
higher harmonics cost it what they take of freedom (MacKay 1992, Neural Computation 4, 415).
"""

from typing import NamedTuple

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined

MEAN_VARIANCE = 4.0  # of the mean of a filter, about that of its epochs
PI = np.pi


class WeightedCurve(NamedTuple):
    """A star's light curve as compiled code takes it; arrays (n,) but for the amplitudes."""

    days: FloatArray  # about 0
    band: IntArray
    value: FloatArray  # in units of the scatter
    weight: FloatArray  # inverse variance
    amplitude: FloatArray  # (n_bands,) of each filter, about 1


@inlined
def _waves(turns: FloatArray, cos: FloatArray, sin: FloatArray) -> None:
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
def _normal_equations(
    frequency: float, curve: WeightedCurve, order: int, matrix: FloatArray, right: FloatArray
) -> None:
    """The equations of the means of filters, then cosine and sine of each harmonic.

    Products of harmonics are sums of those of other orders, so that sums over epochs are taken for
    each order up to twice the highest, and for no pair.
    """
    days, band, value, weight, amplitude = curve
    n, n_bands = len(days), len(amplitude)
    c1, s1 = np.empty(n), np.empty(n)
    _waves(days * frequency, c1, s1)
    ck, sk = c1.copy(), s1.copy()
    scaled, squared = np.empty(n), np.empty(n)
    total = 0.0
    matrix[:, :] = 0
    right[:] = 0
    for i in range(n):
        scaled[i] = weight[i] * amplitude[band[i]]
        squared[i] = scaled[i] * amplitude[band[i]]
        total += squared[i]
        matrix[band[i], band[i]] += weight[i]
        right[band[i]] += weight[i] * value[i]
    cos_sum, sin_sum = np.zeros(2 * order + 1), np.zeros(2 * order + 1)
    cos_sum[0] = total
    for k in range(1, 2 * order + 1):
        c, s = 0.0, 0.0
        for i in range(n):
            c += squared[i] * ck[i]
            s += squared[i] * sk[i]
        cos_sum[k], sin_sum[k] = c, s
        if k <= order:
            at = n_bands + 2 * (k - 1)
            for i in range(n):
                matrix[at, band[i]] += scaled[i] * ck[i]
                matrix[at + 1, band[i]] += scaled[i] * sk[i]
            c, s = 0.0, 0.0
            for i in range(n):
                c += scaled[i] * value[i] * ck[i]
                s += scaled[i] * value[i] * sk[i]
            right[at], right[at + 1] = c, s
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
def _with_prior(
    matrix: FloatArray, right: FloatArray, prior: FloatArray, n_bands: int, order: int
) -> None:
    """Make the equations those of amplitudes in units of their priors' standard deviations."""
    n = n_bands + 2 * order
    unit = np.empty(n)
    for p in range(n):
        unit[p] = np.sqrt(MEAN_VARIANCE if p < n_bands else prior[(p - n_bands) // 2])
    for p in range(n):
        right[p] *= unit[p]
        for q in range(p + 1):
            matrix[p, q] *= unit[p] * unit[q]
        matrix[p, p] += 1


@inlined
def _factorise(matrix: FloatArray, right: FloatArray, n: int) -> None:
    """Cholesky's factor in place of a matrix, and its inverse times the right side in place."""
    for p in range(n):
        for q in range(p):
            rest = matrix[p, q]
            for k in range(q):
                rest -= matrix[p, k] * matrix[q, k]
            matrix[p, q] = rest / matrix[q, q]
        rest = matrix[p, p]
        for k in range(p):
            rest -= matrix[p, k] * matrix[p, k]
        matrix[p, p] = np.sqrt(max(rest, 1e-12))
        rest = right[p]
        for k in range(p):
            rest -= matrix[p, k] * right[k]
        right[p] = rest / matrix[p, p]


@compiled
def evidences(frequency: FloatArray, curve: WeightedCurve, prior: FloatArray) -> FloatArray:
    """(n_frequencies, n_orders + 1) logarithms of the evidence of 0, 1, 2, ... harmonics; no unit.

    ``frequency`` (n_frequencies,) in cycles a day, ``curve`` a WeightedCurve, ``prior`` (n_orders,)
    the variances of amplitudes, in units of the scatter squared.
    """
    n_bands, order = len(curve.amplitude), len(prior)
    size = n_bands + 2 * order
    matrix, right = np.empty((size, size)), np.empty(size)
    value, weight = curve.value, curve.weight
    constant = 0.0
    for i in range(len(value)):
        constant += 0.5 * (np.log(weight[i]) - weight[i] * value[i] * value[i])
    found = np.empty((len(frequency), order + 1))
    for f in range(len(frequency)):
        _normal_equations(frequency[f], curve, order, matrix, right)
        _with_prior(matrix, right, prior, n_bands, order)
        _factorise(matrix, right, size)
        total = constant
        for p in range(size):
            total += 0.5 * right[p] * right[p] - np.log(matrix[p, p])
            if p >= n_bands - 1 and (p - n_bands) % 2 == 1:
                found[f, (p - n_bands + 1) // 2] = total
    return found


@compiled
def fourier_fit(frequency: float, curve: WeightedCurve, prior: FloatArray) -> FloatArray:
    """(n_bands + 2 n_orders,) the means of filters, then cosine and sine of each harmonic.

    As ``evidences``, of one frequency in cycles a day: the most probable values, in units of the
    scatter.
    """
    n_bands, order = len(curve.amplitude), len(prior)
    size = n_bands + 2 * order
    matrix, right = np.empty((size, size)), np.empty(size)
    _normal_equations(frequency, curve, order, matrix, right)
    _with_prior(matrix, right, prior, n_bands, order)
    _factorise(matrix, right, size)
    for p in range(size - 1, -1, -1):
        rest = right[p]
        for k in range(p + 1, size):
            rest -= matrix[k, p] * right[k]
        right[p] = rest / matrix[p, p]
    for p in range(size):
        right[p] *= np.sqrt(MEAN_VARIANCE if p < n_bands else prior[(p - n_bands) // 2])
    return right


@compiled
def shapes(terms: FloatArray, frequency: float, days: FloatArray) -> FloatArray:
    """(n,) the Fourier series of ``terms`` (2 n_orders,), cosine and sine of each harmonic.

    At ``days`` (n,) and a frequency in cycles a day, in units of the scatter.
    """
    n = len(days)
    c1, s1 = np.empty(n), np.empty(n)
    _waves(days * frequency, c1, s1)
    found = np.zeros(n)
    ck, sk = c1.copy(), s1.copy()
    for k in range(len(terms) // 2):
        a, b = terms[2 * k], terms[2 * k + 1]
        for i in range(n):
            found[i] += a * ck[i] + b * sk[i]
            c = ck[i] * c1[i] - sk[i] * s1[i]
            sk[i] = sk[i] * c1[i] + ck[i] * s1[i]
            ck[i] = c
    return found
