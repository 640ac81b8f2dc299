"""How well Fourier series of a period explain a light curve, for any number of harmonics.

Arrays are those of one star: values in units of its scatter, weights the inverse of their variance.
The prior of each cosine's and sine's amplitude is Gaussian, with a variance that falls with the
order; means of filters have a wide one. So the evidence is a determinant and a quadratic form, and
higher harmonics cost it what they take of freedom (MacKay 1992, Neural Computation 4, 415).
"""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
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
)


@inlined
def _evidences(
    frequency: FloatArray, curve: StarCurve, misfit: float, prior: FloatArray
) -> FloatArray:
    n_bands, order = len(curve.amplitude), len(prior)
    factors, unit = factors_of(curve, misfit), units(prior, n_bands)
    size = len(unit)
    matrix, right = np.zeros((size, size, LANES)), np.zeros((size, LANES))
    found = np.empty((len(frequency), order + 1))
    for start in range(0, len(frequency), LANES):
        n = min(LANES, len(frequency) - start)
        for lane in range(n):
            at = frequency[start + lane]
            normal_equations(at, curve.days, factors, matrix[:, :, lane], right[:, lane])
        factorise(matrix, right, unit)
        for lane in range(n):
            total, first = factors.unexplained, 0
            for k in range(order + 1):
                end, inverse = n_bands + 2 * k, 1.0
                for p in range(first, end):
                    inverse *= matrix[p, p, lane]
                    total += 0.5 * right[p, lane] * right[p, lane]
                total += np.log(inverse)
                found[start + lane, k] = total
                first = end
    return found


@compiled_with(fourier_equations)
def evidences(
    frequency: FloatArray, curve: StarCurve, misfit: float, prior: FloatArray
) -> FloatArray:
    """(n_frequencies, n_orders + 1) logarithms of the evidence of 0, 1, 2, ... harmonics; no unit.

    ``frequency`` (n_frequencies,) in cycles a day, ``curve`` a StarCurve, ``misfit`` what it
    differs from its series, in units of the scatter, ``prior`` (n_orders,) the variances of
    amplitudes, in units of the scatter squared.
    """
    return _evidences(frequency, curve, misfit, prior)


@compiled_with(fourier_equations)
def best_of_each(
    frequency: FloatArray,
    curve: StarCurve,
    misfits: FloatArray,
    prior: FloatArray,
    step: int,
) -> tuple[IntArray, FloatArray, IntArray, IntArray]:
    """The best of each row of frequencies (n, k) in cycles a day, by evidence over all the rest.

    As ``evidences``, of every ``step`` harmonics; arrays (n,): its place in the row, the logarithm
    of its evidence, summed over misfits and numbers of harmonics, and its most probable number of
    harmonics, in steps, and misfit, of ``misfits`` (m,), in units of the scatter.
    """
    n, k = frequency.shape
    flat, n_orders = frequency.ravel(), len(prior) // step
    each = np.empty((n * k, len(misfits), n_orders))
    for m in range(len(misfits)):
        found = _evidences(flat, curve, misfits[m], prior)
        for f in range(n * k):
            for j in range(n_orders):
                each[f, m, j] = found[f, step * (j + 1)]
    place, total = np.zeros(n, np.int64), np.full(n, -np.inf)
    order, misfit = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        for j in range(k):
            of = each[i * k + j].ravel()
            highest = of.max()
            logarithm = highest + np.log(np.sum(np.exp(of - highest)))
            if logarithm > total[i]:
                place[i], total[i] = j, logarithm
                misfit[i], order[i] = np.divmod(np.argmax(of), n_orders)
        order[i] += 1
    return place, total, order, misfit


@compiled_with(fourier_equations)
def tops(models: FourierModels, curve: StarCurve, step: float) -> tuple[FloatArray, FloatArray]:
    """(n,) frequencies at the tops of parabolas through the evidence, and (n,) their errors.

    In cycles a day, as ``step``, the distance of evidences from that of each of ``models``,
    FourierModels of the StarCurve. An error is that of the curvature; NaN where that is that of
    no maximum, and the frequency is as it was then. None moves by more than the step.
    """
    frequency, errors = models.frequency.copy(), np.full(len(models.frequency), np.nan)
    for k in range(len(frequency)):
        beside = frequency[k] + step * np.array([-1.0, 0.0, 1.0])
        prior = models.prior[k, : models.n_orders[k]]
        below, at, above = _evidences(beside, curve, models.misfit[k], prior)[:, -1]
        curvature = (2 * at - below - above) / (step * step)
        if curvature > 0:
            errors[k] = curvature**-0.5
            offset = (above - below) / (2 * step) / curvature
            frequency[k] += min(max(offset, -step), step)
    return frequency, errors
