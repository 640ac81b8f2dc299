"""Light curves of known kinds at the epochs of a survey: variables with a period, and without."""

from collections.abc import Callable

import numpy as np

from variables.science.periodicity.curve_matrices import CurveMatrix

YEARS, SEASON_DAYS = 3, 220
FILTERS = (1.0, 0.72)  # amplitudes
FLOOR, FAINTEST = 0.008, 0.04  # mag, of errors


def epochs(rng, n):
    """(n,) days of n epochs from one site in seasons: nights, and hours about midnight."""
    nights = rng.choice(YEARS * SEASON_DAYS, n, replace=False)
    days = nights // SEASON_DAYS * 365 + nights % SEASON_DAYS
    return np.sort(days + rng.uniform(-0.17, 0.17, n))


def pulsation(rng, r21, r31, fall=0.65, phi21=(3.8, 0.35), phi31=(1.6, 0.5)):
    """A Fourier series of a quick rise: amplitudes, and phases of cosines in magnitudes."""
    amplitude = [1.0, r21, r31] + [r31 * fall**k for k in (1, 2, 3)]
    phase = [0.0, rng.normal(*phi21), rng.normal(*phi31)]
    phase += [phase[1] + (phase[2] - phase[1]) * k for k in (2, 3, 4)]
    order = np.arange(1, 7)

    def shape(turn):
        return np.cos(2 * np.pi * np.multiply.outer(turn, order) + phase) @ amplitude

    grid = shape(np.arange(200) / 200)
    return lambda turn: (shape(turn) - grid.mean()) / np.ptp(grid)


def eclipses(width, ratio):
    """Two eclipses half an orbit apart, with what ellipsoidal stars vary between them."""

    def shape(turn):
        away = [(turn - centre + 0.5) % 1 - 0.5 for centre in (0, 0.5)]
        depth = np.exp(-((away[0] / width) ** 2) / 2) + ratio * np.exp(
            -((away[1] / width) ** 2) / 2
        )
        return depth + min(width, 0.1) * 2 * np.cos(4 * np.pi * turn)

    return shape


def rr_lyrae(rng):
    if rng.random() < 0.75:
        shape = pulsation(rng, rng.uniform(0.38, 0.52), rng.uniform(0.2, 0.35))
        return rng.uniform(0.42, 0.8), rng.uniform(0.4, 1.2), shape
    shape = pulsation(rng, rng.uniform(0.08, 0.22), rng.uniform(0.02, 0.1), phi21=(4.6, 0.4))
    return rng.uniform(0.25, 0.42), rng.uniform(0.3, 0.55), shape


def cepheid(rng):
    period = 10 ** rng.uniform(0.3, 1.6)
    r21 = rng.uniform(0.1, 0.25) if 7 < period < 13 else rng.uniform(0.25, 0.5)
    shape = pulsation(rng, r21, r21 * rng.uniform(0.3, 0.6), phi21=(4.4, 0.4), phi31=(2.5, 0.7))
    return period, rng.uniform(0.3, 1.1), shape


def eclipsing(rng):
    kind = rng.integers(3)
    if kind == 0:  # in contact
        return rng.uniform(0.25, 0.7), rng.uniform(0.2, 0.7), eclipses(0.11, rng.uniform(0.7, 1))
    if kind == 1:  # semi-detached
        return (
            10 ** rng.uniform(-0.2, 0.7),
            rng.uniform(0.3, 1),
            eclipses(0.07, rng.uniform(0.2, 0.9)),
        )
    width = rng.uniform(0.018, 0.05)
    return 10 ** rng.uniform(-0.1, 0.9), rng.uniform(0.3, 1), eclipses(width, rng.uniform(0.4, 1))


def delta_scuti(rng):
    r21 = rng.uniform(0.1, 0.4)
    shape = pulsation(rng, r21, r21 * 0.4, phi21=(3.9, 0.3))
    return rng.uniform(0.055, 0.2), rng.uniform(0.15, 0.6), shape


def long_period(rng):
    shape = pulsation(rng, rng.uniform(0.02, 0.2), 0.03, phi21=(4, 2))
    return 10 ** rng.uniform(1.9, 2.6), 10 ** rng.uniform(-0.3, 0.5), shape


KINDS: dict[str, Callable] = {
    "rr_lyrae": rr_lyrae,
    "cepheids": cepheid,
    "eclipsing": eclipsing,
    "delta_scuti": delta_scuti,
    "long_period": long_period,
}


def periodic_stars(kind, n_stars, n_epochs, seed):
    """(CurveMatrix, (n_stars,) true periods in days) of stars of a kind in two filters in turn."""
    rng = np.random.default_rng(seed)
    days = epochs(rng, n_epochs)
    band = np.arange(n_epochs) % len(FILTERS)
    signal, periods = np.empty((n_stars, n_epochs)), np.empty(n_stars)
    for row in range(n_stars):
        periods[row], amplitude, shape = KINDS[kind](rng)
        share = np.array(FILTERS)[band] if kind != "eclipsing" else 1.0
        signal[row] = amplitude * share * shape(days / periods[row] + rng.uniform())
    return measured(rng, days, band, signal), periods


def stars_of_two_runs(n_stars, seed):
    """As ``periodic_stars``: of about half a day, in two runs of nights a year apart.

    From one site, which sees a part of the cycles of a day. Amplitudes change from run to run, and
    phases a little from night to night, as by the Blazhko effect.
    """
    rng = np.random.default_rng(seed)
    nights = np.concatenate([np.arange(6), 331 + np.arange(7)])
    a_night = 20
    days = (nights[:, None] + np.linspace(-0.15, 0.15, a_night)).ravel()
    band = np.arange(len(days)) % len(FILTERS)
    periods = rng.uniform(0.48, 0.52, n_stars)
    signal = np.empty((n_stars, len(days)))
    for row in range(n_stars):
        shape = pulsation(rng, 0.45, 0.3)
        amplitude = 0.9 * (1 + rng.normal(0, 0.25, 2))[(days > 100).astype(int)]
        wander = np.repeat(rng.normal(0, 0.05, len(nights)), a_night)
        turns = days / periods[row] + wander + rng.uniform()
        signal[row] = amplitude * np.array(FILTERS)[band] * shape(turns)
    return measured(rng, days, band, signal), periods


def measured(rng, days, band, signal):
    """The CurveMatrix of a signal with errors that grow with the faintness, and some gaps."""
    error = np.exp(rng.uniform(np.log(FLOOR), np.log(FAINTEST), len(signal)))[:, None]
    error = error * rng.lognormal(0, 0.25, signal.shape)
    mag = 18 + signal + rng.normal(0, error)
    mag[rng.random(mag.shape) < 0.03] = np.nan
    return CurveMatrix(days, band, mag.astype("f4"), error.astype("f4"))


def microlensing(rng, days):
    impact, crossing = rng.uniform(0.1, 0.9), 10 ** rng.uniform(0.9, 1.9)
    peak = rng.uniform(days.min(), days.max())
    u = np.hypot(impact, (days - peak) / crossing)
    return -2.5 * np.log10((u**2 + 2) / (u * np.sqrt(u**2 + 4)))


def flares(rng, days):
    signal = np.zeros(len(days))
    n = rng.integers(1, 5)
    signal[rng.choice(len(days), n, replace=False)] = -rng.exponential(0.5, n)
    return signal


def constant(_, days):
    return np.zeros(len(days))


UNPERIODIC = {"microlensing": microlensing, "flares": flares, "constant": constant}


def unperiodic_stars(kind, n_stars, n_epochs, seed):
    """The CurveMatrix of stars without a period."""
    rng = np.random.default_rng(seed)
    days = epochs(rng, n_epochs)
    band = np.arange(n_epochs) % len(FILTERS)
    signal = np.array([UNPERIODIC[kind](rng, days) for _ in range(n_stars)])
    return measured(rng, days, band, signal)
