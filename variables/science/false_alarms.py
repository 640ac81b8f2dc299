"""The probability that noise alone makes a peak of a periodogram."""

import numpy as np
from astropy.timeseries import LombScargle

from exposures.science.arrays import FloatArray
from variables.science.centred_curves import CentredCurves
from variables.science.period_options import PeriodOptions

COARSE = 3  # samples a peak of shuffled epochs
ENOUGH = 5  # shuffles with a peak as high, after which no more are tried
AT_ONCE, FREQUENCIES_AT_ONCE = 25, 8192
SINGULAR = 1e-5  # in single precision, of the determinant of a sinusoid's equations


def false_alarms(
    data: CentredCurves,
    periodogram: LombScargle,
    frequency: FloatArray,
    heights: FloatArray,
    options: PeriodOptions,
) -> FloatArray:
    """(n,) false-alarm probabilities of peaks, those of the highest peak first.

    ``heights`` (n,), 0 to 1, are of peaks of the ``periodogram`` of ``data``, CentredCurves, at
    ``frequency`` (m,), in cycles a day.

    Baluev's limit (2008, MNRAS 385, 1279) is of Gaussian noise on many epochs. Where it would
    believe in a peak, the same measurements at shuffled times have to have lower ones.
    """
    limits = periodogram.false_alarm_probability(
        heights, method="baluev", maximum_frequency=frequency[-1]
    )
    if np.min(limits) >= options.max_false_alarm:
        return limits
    coarse = np.arange(frequency[0], frequency[-1], 1 / (COARSE * data.span))
    rng = np.random.default_rng(options.n_shuffles)
    highest = np.zeros(0)
    while len(highest) < options.n_shuffles and np.sum(highest >= heights[0]) < ENOUGH:
        n = min(AT_ONCE, options.n_shuffles - len(highest))
        order = rng.permuted(np.tile(np.arange(len(data.mag)), (n, 1)), axis=1)
        powers = _highest_powers(data.days, data.mag[order], data.error[order], coarse)
        highest = np.append(highest, powers)
    return np.fmax(limits, np.mean(highest[:, None] >= heights, axis=0))


def _highest_powers(
    days: FloatArray, mag: FloatArray, error: FloatArray, frequency: FloatArray
) -> FloatArray:
    """(m,) the highest peaks of the periodograms of ``mag`` and ``error`` (m, n) at the same times.

    With the names of Zechmeister & Kuerster, equations 5 to 15. The sines and cosines are shared,
    so that sums are products of matrices.
    """
    weight = error**-2.0
    weight /= weight.sum(axis=1, keepdims=True)
    mag = mag - np.sum(weight * mag, axis=1, keepdims=True)
    yy = np.sum(weight * mag**2, axis=1)
    w, wy = weight.astype("f4"), (weight * mag).astype("f4")
    highest = np.zeros(len(mag))
    for part in np.array_split(frequency, len(frequency) // FREQUENCIES_AT_ONCE + 1):
        turns = np.outer(days, part)
        phase = (2 * np.pi * (turns - np.floor(turns))).astype("f4")
        cos, sin = np.cos(phase), np.sin(phase)
        c, s, yc, ys = w @ cos, w @ sin, wy @ cos, wy @ sin
        cc = w @ cos**2
        ss, cs = 1 - cc - s**2, w @ (cos * sin) - c * s
        cc -= c**2
        determinant = np.maximum(cc * ss - cs**2, SINGULAR)
        power = (ss * yc**2 + cc * ys**2 - 2 * cs * yc * ys) / determinant
        highest = np.fmax(highest, power.max(axis=1) / yy)
    return highest
