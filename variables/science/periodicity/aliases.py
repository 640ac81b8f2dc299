"""What a peak of a periodogram may be of another: harmonics, and aliases of the sampling."""

from enum import IntEnum

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray

SIDEREAL_DAY, MONTH, YEAR = 0.99726957, 29.530589, 365.25  # days
N_WINDOW = 4  # peaks of the spectral window that are tried
NEAR = 1.0  # widths of a peak, within which frequencies agree
SLOWEST, SHARPEST = 1.5, 0.3  # cycles in the span; power of a peak of the window that counts
WINDOW_UP_TO = 3.2  # cycles a day
AT_ONCE = 4096  # frequencies


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
    span = np.ptp(times)
    if span <= 0:
        return usual
    step = 0.2 / span
    grid = np.arange(SLOWEST / span, WINDOW_UP_TO, step)
    parts = np.array_split(grid, len(grid) // AT_ONCE + 1)
    power = np.concatenate([_window(times, part) for part in parts])
    peaks: list[float] = []
    for k in np.argsort(-power):
        if power[k] < SHARPEST or len(peaks) == N_WINDOW:
            break
        if all(abs(grid[k] - one) * span > NEAR for one in peaks):
            peaks.append(float(grid[k]))
    new = [one for one in peaks if np.all(np.abs(usual - one) * span > NEAR)]
    return np.concatenate([usual, new])


def _window(days: FloatArray, frequency: FloatArray) -> FloatArray:
    turns = np.outer(days, frequency)
    angle = (2 * np.pi * (turns - np.floor(turns))).astype("f4")
    return np.cos(angle).mean(axis=0) ** 2 + np.sin(angle).mean(axis=0) ** 2


def named_aliases(
    frequency: FloatArray, span_days: Float, related: FloatArray
) -> tuple[IntArray, IntArray]:
    """(n,) kinds of Alias, and (n,) ranks from 1 of the more probable frequency; 0: of none.

    ``frequency`` (n,) in cycles a day, the most probable first; ``related`` (m,) as from
    ``window_frequencies``.
    """
    near = float(NEAR / span_days)
    kinds, of = np.zeros(len(frequency), int), np.zeros(len(frequency), int)
    for k in range(1, len(frequency)):
        for j in range(k):
            kind = _kind(float(frequency[k]), float(frequency[j]), near, related)
            if kind:
                kinds[k], of[k] = kind, j + 1
                break
    return kinds, of


def _kind(one: float, other: float, near: float, related: FloatArray) -> Alias:
    """What one frequency may be of another, to within ``near``."""
    for kind, ratios in RATIOS.items():
        if any(abs(one - ratio * other) <= near for ratio in ratios):
            return kind
    for kind, spacing in (*SPACINGS.items(), (Alias.WINDOW, related)):
        off = np.minimum(np.abs(abs(one - other) - spacing), np.abs(one + other - spacing))
        if np.any(off <= near):
            return kind
    return Alias.NONE
