"""The frequencies of a periodogram, and cosines and sines of epochs at them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import Float, FloatArray
from variables.science.period_options import PeriodOptions
from variables.science.periodicity.periodogram_power import turned_cosines

LONGEST = 0.2  # cycles within the span, of the longest period: what only rises or falls
MOST_FREQUENCIES = 20_000_000  # of a grid: 20 years down to 2 minutes


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


def cosine_tables(
    days: FloatArray, starts: FloatArray, step: Float, size: int
) -> Iterator[FloatArray]:
    """(4, n_epochs, size) cosines and sines at ``days`` (n_epochs,), and those of twice the angle.

    A table for each frequency of ``starts`` (n,), in cycles a day as the ``step``: at so many
    frequencies, from that one on. In single precision, and in the same memory. They are those of
    multiples of the step turned to where each begins: only a few take trigonometric functions.
    """
    near_cos, near_sin = _turned(np.outer(days, step * np.arange(size)))
    table = np.empty((4, len(days), size), "f4")
    for start in starts:
        far_cos, far_sin = _turned(days * start)
        turned_cosines(far_cos, far_sin, near_cos, near_sin, table)
        yield table


def _turned(turns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cosines and sines, of single precision, of turns of double."""
    angle = (2 * np.pi * (turns - np.floor(turns))).astype("f4")
    return np.cos(angle), np.sin(angle)
