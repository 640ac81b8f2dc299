"""What a peak of a periodogram may be of another: harmonics, and aliases of the sampling."""

from enum import IntEnum

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from variables.science.periodicity.frequencies import cosine_tables

SIDEREAL_DAY, MONTH, YEAR = 0.99726957, 29.530589, 365.25  # days
N_WINDOW = 4  # peaks of the spectral window that are tried
NEAR = 1.0  # widths of a peak, within which frequencies agree
SLOWEST, SHARPEST = 1.5, 0.3  # cycles in the span; power of a peak of the window that counts
WINDOW_UP_TO = 3.2  # cycles a day
WINDOW_STEP = 0.2  # widths of its peaks
AT_ONCE = 512  # frequencies


class Alias(IntEnum):
    """What a peak may be of a more probable one."""

    NONE = 0
    HALF = 1  # half the period
    DOUBLE = 2
    HARMONIC = 3  # another ratio of small numbers
    DAY = 4  # frequencies differ by, or add to, whole cycles a day
    MONTH = 5
    YEAR = 6
    WINDOW = 7  # of another peak of the spectral window


# The frequency over that of the more probable, and differences of them in cycles a day.
RATIOS: dict[Alias, list[float]] = {
    Alias.HALF: [2.0],
    Alias.DOUBLE: [0.5],
    Alias.HARMONIC: [3, 1 / 3, 1.5, 2 / 3],
}
SPACINGS: dict[Alias, FloatArray] = {
    Alias.DAY: np.array([n / length for n in (1, 2, 3) for length in (1.0, SIDEREAL_DAY)]),
    Alias.YEAR: np.array([1, 2, 3]) / YEAR,
    Alias.MONTH: np.array([1, 2]) / MONTH,
}


def window_frequencies(days: FloatArray) -> FloatArray:
    """(n,) frequencies in cycles a day at which aliases lie off a true one, of epochs in days.

    A day's and twice it, a year's, and the strongest peaks of the spectral window, the periodogram
    of the epochs themselves (Deeming 1975, Ap&SS 36, 137).
    """
    usual = np.array([1.0, 1 / SIDEREAL_DAY, 2.0, 2 / SIDEREAL_DAY, 1 / YEAR])
    times = np.unique(np.round(days - days.mean(), 4))
    span = float(np.ptp(times))
    if span * WINDOW_UP_TO <= SLOWEST:
        return usual
    step = WINDOW_STEP / span
    frequency = np.arange(SLOWEST / span, WINDOW_UP_TO, step)
    power = _window(times, frequency, step)
    peaks: list[float] = []
    for k in np.argsort(-power):
        if power[k] < SHARPEST or len(peaks) == N_WINDOW:
            break
        if all(abs(frequency[k] - one) * span > NEAR for one in peaks):
            peaks.append(float(frequency[k]))
    new = [one for one in peaks if np.all(np.abs(usual - one) * span > NEAR)]
    return np.concatenate([usual, new])


def _window(days: FloatArray, frequency: FloatArray, step: float) -> FloatArray:
    tables = cosine_tables(days, frequency[::AT_ONCE], step, AT_ONCE)
    means = np.concatenate([table[:2].mean(axis=1) for table in tables], axis=1)
    return np.sum(means[:, : len(frequency)] ** 2, axis=0)


def named_aliases(
    frequency: FloatArray, span_days: Float, related: FloatArray
) -> tuple[IntArray, IntArray]:
    """(n_stars, n) kinds of Alias, and ranks from 1 of the more probable frequency; 0: of none.

    ``frequency`` (n_stars, n) in cycles a day, the most probable first, NaN of none; ``related``
    (m,) as from ``window_frequencies``.
    """
    near = float(NEAR / span_days)
    kinds, of = np.zeros(frequency.shape, int), np.zeros(frequency.shape, int)
    for k in range(1, frequency.shape[1]):
        for j in range(k):
            kind = _kinds(frequency[:, k], frequency[:, j], near, related)
            is_new = (of[:, k] == 0) & (kind > 0)
            kinds[is_new, k], of[is_new, k] = kind[is_new], j + 1
    return kinds, of


def _kinds(one: FloatArray, other: FloatArray, near: float, related: FloatArray) -> IntArray:
    """(n,) what frequencies may be of others, to within ``near``."""
    ratios = [(kind, ratio) for kind, of in RATIOS.items() for ratio in of]
    found = np.zeros(len(one), int)
    for kind, spacings in reversed([*SPACINGS.items(), (Alias.WINDOW, related)]):
        off = [
            np.abs(distance[:, None] - spacings).min(axis=1)
            for distance in (np.abs(one - other), one + other)
        ]
        found[np.fmin(*off) <= near] = kind
    for kind, ratio in reversed(ratios):
        found[np.abs(one - ratio * other) <= near] = kind
    return found
