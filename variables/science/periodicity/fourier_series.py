"""The most probable Fourier series of a star's light curve at given frequencies."""

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.science.compiled import compiled_with, inlined
from variables.science.periodicity import fourier_equations
from variables.science.periodicity.fourier_equations import (
    LANES,
    FourierModels,
    StarCurve,
    factorise,
    factors_of,
    normal_equations,
    units,
    waves,
    weights,
)

LEAST_EPOCHS_A_BAND = 5  # for an amplitude of its own


@compiled_with(fourier_equations)
def fourier_fits(models: FourierModels, curve: StarCurve) -> FloatArray:
    """(n, n_bands + 2 n_orders) the means of filters, then cosine and sine of each harmonic.

    The most probable values for each of FourierModels, in units of the scatter of the StarCurve; 0
    of harmonics that a model doesn't have.
    """
    n_bands, widest = len(curve.amplitude), models.prior.shape[1]
    found = np.zeros((len(models.frequency), n_bands + 2 * widest))
    for f in range(len(found)):
        unit = units(models.prior[f, : models.n_orders[f]], n_bands)
        size = len(unit)
        matrix, right = np.zeros((size, size, LANES)), np.zeros((size, LANES))
        factors = factors_of(curve, models.misfit[f])
        normal_equations(models.frequency[f], curve.days, factors, matrix[:, :, 0], right[:, 0])
        factorise(matrix, right, unit)
        for p in range(size - 1, -1, -1):
            rest = right[p, 0]
            for k in range(p + 1, size):
                rest -= matrix[k, p, 0] * right[k, 0]
            right[p, 0] = rest * matrix[p, p, 0]
        for p in range(size):
            found[f, p] = right[p, 0] * unit[p]
    return found


@inlined
def _shapes(terms: FloatArray, frequency: float, days: FloatArray) -> FloatArray:
    n = len(days)
    c1, s1 = np.empty(n), np.empty(n)
    waves(days * frequency, c1, s1)
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


@compiled_with(fourier_equations)
def shapes(terms: FloatArray, frequency: float, days: FloatArray) -> FloatArray:
    """(n,) the Fourier series of ``terms`` (2 n_orders,), cosine and sine of each harmonic.

    At ``days`` (n,) and a frequency in cycles a day, in units of the scatter.
    """
    return _shapes(terms, frequency, days)


@compiled_with(fourier_equations)
def shapes_of_each(terms: FloatArray, frequency: FloatArray, days: FloatArray) -> FloatArray:
    """(n_series, n) Fourier series at ``days`` (n,), as ``shapes``, in units of the scatter.

    Of each row of ``terms`` (n_series, 2 n_orders) at its ``frequency`` (n_series,) in cycles a
    day.
    """
    found = np.empty((len(terms), len(days)))
    for f in range(len(terms)):
        found[f] = _shapes(terms[f], frequency[f], days)
    return found


@compiled_with(fourier_equations)
def band_amplitudes(star: StarCurve, shape: FloatArray, misfit: float) -> FloatArray:
    """(n_bands,) the amplitude of each filter by a shape (n,), in units of the scatter.

    What is known before is worth one epoch. With a misfit, a number in the same units.
    """
    weight, amplitude = weights(star, misfit), star.amplitude.copy()
    sums = np.zeros((len(amplitude), 6))
    for i in range(len(shape)):
        of, w, x, y = sums[star.band[i]], weight[i], shape[i], star.value[i]
        of[0] += 1
        of[1] += w
        of[2] += w * x
        of[3] += w * x * x
        of[4] += w * y
        of[5] += w * x * y
    for b in range(len(amplitude)):
        number, total, first, second, of_values, product = sums[b]
        if number >= LEAST_EPOCHS_A_BAND:
            mean = first / total
            squares, product = second - mean * first, product - mean * of_values
            if squares > 0:
                known_before = squares / number
                amplitude[b] = (known_before * amplitude[b] + product) / (known_before + squares)
    return amplitude
