"""Light curves of single stars as the simulator makes them."""

from dataclasses import dataclass

import numpy as np

from exposures.simulation.stars import AMPLITUDES, PERIODS, STAR_DTYPE, magnitudes_at

# Which simulated kind is an example of a class, by its slug; and how one knows it.
SIMULATED = {
    "rr-lyrae": "rrab",
    "cepheid": "cepheid",
    "long-period": "mira",
    "eclipsing": "eclipsing",
    "flare": "flare",
}
SIGNS = {
    "rrab": "a steep rise within a tenth of the period and a slow, even decline",
    "cepheid": "a smooth curve that rises more quickly than it declines, over days to weeks",
    "mira": "a slow, smooth wave of a magnitude or more, over months",
    "eclipsing": "constant light but for two narrow minima, of which one may be deeper",
    "flare": "a sudden rise out of constant light, gone within a day or two",
}
N_EPOCHS, NIGHTS, ERROR_MAG, MAG = 90, 420, 0.03, 17.0
FIRST_MJD = 57773.2
FILTER = "i"
# Days before and after an event in which it is observed as often as all others in NIGHTS.
EVENT_DAYS = (-2, 4)


@dataclass(frozen=True)
class SimulatedCurve:
    """A light curve and the truth about it."""

    kind: str
    mjd: np.ndarray  # (N_EPOCHS,) in order
    mag: np.ndarray  # (N_EPOCHS,) with noise of ERROR_MAG
    period_days: float | None  # None of single events
    amplitude_mag: float
    epoch: float  # MJD of maximum, eclipse or event


def typical_curve(kind) -> SimulatedCurve:
    """A star in the middle of the ranges of its kind."""
    period = float(np.mean(PERIODS[kind])) if kind in PERIODS else None
    return _curve(kind, period, float(np.mean(AMPLITUDES[kind])), [*kind.encode()])


def random_curve(kind, seed) -> SimulatedCurve:
    """A star somewhere in the ranges of its kind; the same for the same seed."""
    rng = np.random.default_rng([seed, 1])
    period = float(rng.uniform(*PERIODS[kind])) if kind in PERIODS else None
    return _curve(kind, period, float(rng.uniform(*AMPLITUDES[kind])), [seed, 2])


def _curve(kind, period, amplitude, seed):
    rng = np.random.default_rng(seed)
    mjd = FIRST_MJD + np.sort(rng.uniform(0, NIGHTS, N_EPOCHS))
    epoch = mjd[N_EPOCHS // 2]
    if period is None:
        mjd = epoch + np.linspace(*EVENT_DAYS, N_EPOCHS)
    star = np.zeros(1, STAR_DTYPE)
    star["kind"], star["mag"], star["amplitude"] = kind, MAG, amplitude
    star["period"], star["epoch"] = np.nan if period is None else period, epoch
    mag = np.array([magnitudes_at(star, time)[0] for time in mjd])
    mag += rng.normal(0, ERROR_MAG, len(mag))
    return SimulatedCurve(kind, mjd, mag, period, amplitude, float(epoch))
