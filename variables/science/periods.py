"""Periods of light curves in several filters."""

from dataclasses import dataclass

import numpy as np
from astropy.timeseries import LombScargle

MIN_EPOCHS = 8


@dataclass(frozen=True)
class Period:
    """A peak of a periodogram."""

    days: float
    power: float  # 0 to 1
    false_alarm: float  # probability that noise alone has such a peak


def find_periods(curves, min_days=0.05, n_periods=5) -> list[Period]:
    """The strongest periods of light curves, strongest first; none of too few epochs.

    ``curves`` are (mjd, mag, mag_err) arrays of each filter, which may differ in mean and not in
    shape: the generalised Lomb-Scargle periodogram (Zechmeister & Kuerster 2009, A&A 496, 577)
    of all of them about their medians. Peaks next to a stronger one are left out.
    """
    curves = [np.array(curve, float) for curve in curves if len(curve[0]) >= 3]
    if sum(curve.shape[1] for curve in curves) < MIN_EPOCHS:
        return []
    mjd = np.concatenate([curve[0] for curve in curves])
    mag = np.concatenate([curve[1] - np.median(curve[1]) for curve in curves])
    error = np.concatenate([curve[2] for curve in curves])
    span = np.ptp(mjd)
    if span <= 2 * min_days:
        return []
    periodogram = LombScargle(mjd, mag, error)
    frequency, power = periodogram.autopower(
        minimum_frequency=0.5 / span, maximum_frequency=1 / min_days, samples_per_peak=5
    )
    periods = []
    for k in _peaks(frequency, power, 2 / span, n_periods):
        chance = periodogram.false_alarm_probability(power[k], maximum_frequency=1 / min_days)
        periods.append(Period(float(1 / frequency[k]), float(power[k]), float(chance)))
    return periods


def _peaks(frequency, power, apart, n):
    """Indices of the n strongest peaks that are further apart than ``apart`` in frequency."""
    chosen = []
    for k in np.argsort(power)[::-1][: 2000 * n]:
        if all(abs(frequency[k] - frequency[j]) > apart for j in chosen):
            chosen.append(k)
            if len(chosen) == n:
                break
    return chosen
