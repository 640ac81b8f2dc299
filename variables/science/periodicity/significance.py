"""The probability that noise, a single event or a few outliers look like a period."""

from functools import cache
from math import factorial, prod

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray, IntArray
from variables.science.periodicity.fourier_fits import StarCurve

VISIT = 0.05  # of a period: measurements within it tell the same
PARTS_OF_SPAN = 10  # a signal has to be there in more than one of them
LEAST_VISITS = 5.0  # that carry the signal: fewer are a flare's, or an outlier's


def false_alarm(
    star: StarCurve, model: FloatArray, frequency: Float, n_harmonics: int, highest: Float
) -> float:
    """The probability that a star without a period has one that explains as much.

    A number of no unit. ``model`` (n,) is the Fourier series of ``n_harmonics`` harmonics at
    ``frequency`` in cycles a day, about zero, in units of the scatter of ``star``, a StarCurve;
    ``highest`` the highest frequency searched. Baluev's limit for Fourier series
    (2009, MNRAS 395, 1541), with the noise taken from what is left over. Measurements within a
    twentieth of a period count once. It is that without the part of the time that has most of the
    signal, too, as a period is what repeats: an event of microlensing doesn't.
    """
    weight = star.weight(1.0)
    left = star.value - model
    gain = weight * (star.value**2 - left**2)
    visit = _numbered(star.days * frequency / VISIT)
    of_visit = np.bincount(visit, np.maximum(gain, 0))
    carrying = of_visit.sum() ** 2 / max(np.sum(of_visit**2), np.finfo(float).tiny)
    if carrying < LEAST_VISITS:
        return 1.0
    part = _numbered((star.days - star.days.min()) / max(1 / frequency, star.span / PARTS_OF_SPAN))
    of_part = np.bincount(part, gain)
    # Rows: of all parts, and of all but the one with most of the signal.
    kept = np.array([np.ones(len(part)), part != np.argmax(of_part)])
    numbers = np.array([[len(of_visit)], [len(np.unique(visit[kept[1] > 0]))]])
    bands = star.band == np.arange(len(star.amplitude))[:, None]
    weights = kept * weight
    total = _about_means(star.value, weights, bands)
    power = np.clip(1 - _about_means(left, weights, bands) / np.maximum(total, 1e-300), 0, 1 - 1e-9)
    scatter = [np.std(star.days), np.std(star.days[kept[1] > 0])] if kept[1].any() else [0, 0]
    limits = [
        _limit(one, n, int(bands.any(axis=1).sum()), n_harmonics, highest * width)
        for one, n, width in zip(power, numbers[:, 0], scatter, strict=True)
    ]
    return max(limits)


def _limit(
    power: Float, n_visits: int, n_bands: int, n_harmonics: int, independent: Float
) -> float:
    """Baluev's limit for a share of the variance, explained in ``independent`` frequencies."""
    n_free = n_visits - n_bands - 2 * n_harmonics
    if n_free < 1 or power <= 0 or independent <= 0:
        return 1.0
    width = np.sqrt(4 * np.pi) * independent
    z = (n_visits - n_bands) / 2 * power
    log_rate = np.log(width * _trials(n_harmonics)) + (n_free - 1) / 2 * np.log1p(-power)
    log_rate += (n_harmonics - 0.5) * np.log(z)
    return float(-np.expm1(-np.exp(min(log_rate, 3.0))))


def _numbered(places: FloatArray) -> IntArray:
    """The numbers, from 0, of those whole numbers that places fall into."""
    whole = np.floor(places)
    order = np.argsort(whole, kind="stable")
    number = np.empty(len(whole), np.int64)
    number[order] = np.concatenate([[0], np.cumsum(np.diff(whole[order]) > 0)])
    return number


def _about_means(value: FloatArray, weights: FloatArray, bands: BoolArray) -> FloatArray:
    """Of each row of weights, the sum of squares about the mean of each filter."""
    total = weights @ (value**2)
    for of in bands:
        weight = weights[:, of].sum(axis=1)
        total -= (weights[:, of] @ value[of]) ** 2 / np.maximum(weight, 1e-300)
    return total


@cache
def _trials(n: int) -> float:
    """How many more independent trials n harmonics are than one sinusoid (Baluev, equation 8)."""
    terms = [
        (-1) ** (n - k) * k ** (2 * n + 1) / (factorial(n + k) * factorial(n - k))
        for k in range(1, n + 1)
    ]
    return 2**n / prod(range(1, 2 * n, 2)) * sum(terms)
