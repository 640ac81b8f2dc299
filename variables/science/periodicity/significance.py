"""The probability that noise, a single event or a few outliers look like a period."""

from functools import cache
from math import factorial, log, prod

import numpy as np

from exposures.science.arrays import Float, FloatArray, IntArray
from variables.science.periodicity.fourier_equations import StarCurve
from variables.science.periodicity.repetition import shares_of_signals

VISIT = 0.05  # of a period: measurements within it tell the same
PARTS_OF_SPAN = 10  # a signal has to be there in more than one of them
MOST_POWER = 1 - 1e-9  # of which a logarithm can be taken
CERTAIN = 3.0  # logarithm of a rate of false alarms that is as good as 1
LEAST_VISITS = 5.0  # that carry the signal: fewer are a flare's, or an outlier's


def false_alarms(
    star: StarCurve, models: FloatArray, frequency: FloatArray, order: IntArray, highest: Float
) -> tuple[FloatArray, FloatArray]:
    """(n,) probabilities that a star without a period has one that explains as much; (n,) how much.

    Of no unit, and shares of the variance about the mean of each filter. ``models`` (n, n_epochs)
    are Fourier series of ``order`` (n,) harmonics at ``frequency`` (n,) in cycles a day, about
    zero, in units of the scatter of ``star``, a StarCurve by time; ``highest`` the highest
    frequency searched. Baluev's limit for Fourier series (2009, MNRAS 395, 1541), with the noise
    taken from what is left over. Measurements within a twentieth of a period count once. It is
    that without the part of the time that has most of the signal, too, as a period is what repeats:
    an event of microlensing doesn't. And a signal that few visits carry is a flare's, or outliers'.
    """
    days_a_part = np.maximum(1 / frequency, star.span / PARTS_OF_SPAN)
    carrying, figures = shares_of_signals(star, models, VISIT / frequency, days_a_part)
    limits = _limits(figures, order[:, None], highest).max(axis=1)
    power = np.clip(figures[:, 0, 0], 0, 1)
    return np.where(carrying < LEAST_VISITS, 1.0, limits), power


def _limits(figures: FloatArray, order: IntArray, highest: Float) -> FloatArray:
    """(n, 2) Baluev's limits for figures of ``shares_of_signals``."""
    power, n_visits, n_bands, time_scatter = np.moveaxis(figures, -1, 0)
    power = np.minimum(power, MOST_POWER)
    n_free = n_visits - n_bands - 2 * order
    independent = np.sqrt(4 * np.pi) * highest * time_scatter
    can_be = (n_free >= 1) & (power > 0) & (independent > 0)
    power, independent = np.where(can_be, power, 0.5), np.where(can_be, independent, 1.0)
    z = np.where(can_be, (n_visits - n_bands) / 2 * power, 1.0)
    trials = np.array([_log_trials(one) for one in order[:, 0].tolist()])[:, None]
    log_rate = np.log(independent) + trials + (n_free - 1) / 2 * np.log1p(-power)
    log_rate += (order - 0.5) * np.log(z)
    return np.where(can_be, -np.expm1(-np.exp(np.minimum(log_rate, CERTAIN))), 1.0)


@cache
def _log_trials(n: int) -> float:
    """Of how many more independent trials n harmonics are than one sinusoid, the logarithm.

    Equation 8 of Baluev.
    """
    terms = [
        (-1) ** (n - k) * k ** (2 * n + 1) / (factorial(n + k) * factorial(n - k))
        for k in range(1, n + 1)
    ]
    return log(2**n / prod(range(1, 2 * n, 2)) * sum(terms))
