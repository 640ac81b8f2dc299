"""How many of a group have to be looked at, and what these tell of its share of real ones."""

from math import ceil, log

from scipy.special import betaincinv

CONFIDENCE = 0.95


def greatest_share(n_real: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The upper bound of the share of real ones in a group, by a random sample of n, no unit.

    One-sided, by Clopper & Pearson (1934, Biometrika 26, 404): the share with which as few as
    ``n_real`` real ones among n have a chance of 1 - ``confidence``, the quantile of a beta
    distribution of n_real + 1 and n - n_real. It holds for any true share, and all the more for a
    group of which the sample is a large part. 1 where all are real, or none was looked at.
    """
    if n_real >= n:
        return 1.0
    return float(betaincinv(n_real + 1, n - n_real, confidence))


def size_of_sample(share: float, n_real: int = 0, confidence: float = CONFIDENCE) -> int:
    """The number to look at, so that the upper bound is at most ``share``, above 0, no unit.

    If at most ``n_real`` of them are real (``greatest_share``): 299 for 1 % with none, 473 with
    one.
    """
    low = n_real + 1
    high = max(ceil(log(1 - confidence) / log(1 - share)), low) if share < 1 else low
    while greatest_share(n_real, high, confidence) > share:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if greatest_share(n_real, middle, confidence) > share:
            low = middle + 1
        else:
            high = middle
    return low
