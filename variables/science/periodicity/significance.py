"""The probability that noise, a single event or a few outliers look like a period."""

from functools import cache
from math import exp, expm1, factorial, log, log1p, prod

import numpy as np

from exposures.science.arrays import Float, FloatArray
from variables.science.periodicity.fourier_fits import StarCurve
from variables.science.periodicity.repetition import shares_of_signal

VISIT = 0.05  # of a period: measurements within it tell the same
PARTS_OF_SPAN = 10  # a signal has to be there in more than one of them
MOST_POWER = 1 - 1e-9  # of which a logarithm can be taken
CERTAIN = 3.0  # logarithm of a rate of false alarms that is as good as 1
LEAST_VISITS = 5.0  # that carry the signal: fewer are a flare's, or an outlier's


def false_alarm(
    star: StarCurve, model: FloatArray, frequency: Float, n_harmonics: int, highest: Float
) -> tuple[float, float]:
    """The probability that a star without a period has one that explains as much, and how much.

    Two numbers: of no unit, and the share of the variance about the mean of each filter. ``model``
    (n,) is the Fourier series of ``n_harmonics`` harmonics at ``frequency`` in cycles a day, about
    zero, in units of the scatter of ``star``, a StarCurve by time; ``highest`` the highest
    frequency searched. Baluev's limit for Fourier series (2009, MNRAS 395, 1541), with the noise
    taken from what is left over. Measurements within a twentieth of a period count once. It is
    that without the part of the time that has most of the signal, too, as a period is what repeats:
    an event of microlensing doesn't. And a signal that few visits carry is a flare's, or outliers'.
    """
    days_a_part = max(1 / frequency, star.span / PARTS_OF_SPAN)
    carrying, figures = shares_of_signal(
        star.weighted(1.0), model, float(VISIT / frequency), float(days_a_part)
    )
    power = min(max(float(figures[0, 0]), 0.0), 1.0)
    if carrying < LEAST_VISITS:
        return 1.0, power
    return max(_limit(row, n_harmonics, highest) for row in figures), power


def _limit(figures: FloatArray, n_harmonics: int, highest: Float) -> float:
    """Baluev's limit for a row of ``shares_of_signal``."""
    n_visits, n_bands = figures[1], figures[2]
    power = min(figures[0], MOST_POWER)
    n_free = n_visits - n_bands - 2 * n_harmonics
    independent = np.sqrt(4 * np.pi) * highest * figures[3]
    if n_free < 1 or power <= 0 or independent <= 0:
        return 1.0
    z = (n_visits - n_bands) / 2 * power
    log_rate = log(independent * _trials(n_harmonics)) + (n_free - 1) / 2 * log1p(-power)
    log_rate += (n_harmonics - 0.5) * log(z)
    return -expm1(-exp(min(log_rate, CERTAIN)))


@cache
def _trials(n: int) -> float:
    """How many more independent trials n harmonics are than one sinusoid (Baluev, equation 8)."""
    terms = [
        (-1) ** (n - k) * k ** (2 * n + 1) / (factorial(n + k) * factorial(n - k))
        for k in range(1, n + 1)
    ]
    return 2**n / prod(range(1, 2 * n, 2)) * sum(terms)
