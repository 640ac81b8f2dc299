"""Periods of light curves in several filters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.timeseries import LombScargle
from numpy.typing import ArrayLike

from exposures.science.arrays import Float, FloatArray
from variables.science.centred_curves import centred
from variables.science.false_alarms import false_alarms
from variables.science.harmonics import best_near, refined
from variables.science.period_options import PeriodOptions

# Cycles within the span of the epochs, of the longest period: what only rises or falls is better
# told by that than by one of its aliases.
LONGEST = 0.1
MOST_FREQUENCIES = 20_000_000  # of a periodogram: 20 years down to 2 minutes, 160 MB
EVEN = 1e-6  # of a spacing, by which evenly spaced epochs may be off


@dataclass(frozen=True)
class Period:
    """A peak of a periodogram."""

    days: float
    power: float  # 0 to 1
    false_alarm: float  # probability that noise alone has such a peak
    n_cycles: float  # within the time between the first and the last epoch

    def stands_out(self, options: PeriodOptions = PeriodOptions()) -> bool:
        """Whether it is significant and a whole cycle was observed; false for NaN."""
        return self.false_alarm < options.max_false_alarm and self.n_cycles >= 1


def find_periods(
    curves: Iterable[Sequence[ArrayLike]], options: PeriodOptions = PeriodOptions()
) -> list[Period]:
    """The periods of light curves, strongest first; none for constant ones.

    ``curves`` are (mjd, mag, mag_err) arrays (n,) of each filter, in MJD and mag, which may differ
    in mean and not in shape. Measurements without a finite magnitude or a positive error are left
    out, and those of one filter at the same time are one. The peaks are those of the generalised
    Lomb-Scargle periodogram (Zechmeister & Kuerster 2009, A&A 496, 577) of all curves about their
    means. The probability of a false alarm is Baluev's upper limit (2008, MNRAS 385, 1279), or the
    share of shuffles of the epochs that have a peak as high, where that is more. Errors are
    enlarged together until they explain the scatter about constant magnitudes, so that no few
    epochs with small ones decide alone. Each period is that of the best fit of harmonics near the
    peak, as many as the Bayesian information criterion allows. Peaks next to a stronger one are
    left out; a period longer than the span of the epochs was not seen to repeat.
    """
    data = centred(curves, options)
    if data is None:
        return []
    most = MOST_FREQUENCIES / (options.samples_per_peak * data.span)
    highest = min(1 / options.min_days, _nyquist(data.days), most)
    if highest <= 1 / data.span:
        return []
    periodogram = LombScargle(data.days, data.mag, data.error)
    frequency, power = periodogram.autopower(
        minimum_frequency=LONGEST / data.span,
        maximum_frequency=highest,
        samples_per_peak=options.samples_per_peak,
    )
    places = _peaks(frequency, power, 2 / data.span, options.n_periods)
    step = 1 / (options.samples_per_peak * data.span)
    at = np.array([best_near(data, frequency[k], step, 1) for k in places])
    heights = np.fmax(power[places], periodogram.power(at))
    order = np.argsort(-heights, kind="stable")
    at, heights = at[order], heights[order]
    chances = false_alarms(data, periodogram, frequency, heights, options)
    best = [refined(data, one, options) for one in at]
    return [
        Period(1 / f, float(height), float(chance), float(f * data.span))
        for f, height, chance in zip(best, heights, chances, strict=True)
    ]


def _nyquist(days: FloatArray) -> Float:
    """The Nyquist frequency of evenly spaced epochs, with gaps or without.

    Infinite where they are not at multiples of one spacing.
    """
    steps = np.diff(np.unique(days))
    multiples = steps / steps.min()
    is_even = np.abs(multiples - np.round(multiples)).max() < EVEN
    return 0.5 / steps.min() if is_even else np.inf


def _peaks(frequency: FloatArray, power: FloatArray, apart: Float, n: int) -> list[int]:
    """Indices of the n strongest maxima that are further apart than ``apart`` in frequency."""
    padded = np.concatenate([[-np.inf], power, [-np.inf]])
    maxima = np.flatnonzero((padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]))
    chosen: list[int] = []
    for k in maxima[np.argsort(power[maxima])[::-1]]:
        if all(abs(frequency[k] - frequency[j]) > apart for j in chosen):
            chosen.append(k)
            if len(chosen) == n:
                break
    return chosen
