"""The probability that a constant star has the statistics of a star, by the catalogue's own."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from variables.science.variability.evidence import Evidence

WEIGHTS = np.array([0.6, 0.2, 0.2])  # of scatter, smoothness and trend
BIN_STARS, MAX_BINS = 400, 15  # least stars in a bin of magnitude, and most bins
GROUP_STARS = 2_000  # whose deviations are exchanged, about
MIN_CLASS = 200  # stars of one crowding, below which they are judged with the next
N_CLIPS, CLIP_SIGMA = 3, 3.5  # of what varies, before it is told what constant stars do
TAIL_STARS = 1_200  # artificial constant stars that tell how the tail falls off
MOST_TAIL = 0.02  # of all of them, at most
MEDIAN_SQUARE = 2.198  # variance of a Gaussian over the median of its squares
WILSON_HILFERTY = 1 / 3  # power of chi2/nu that is nearly Gaussian
POWER_SPREAD, POWERS = 0.15, (-0.6, 0.5)  # how sure that is of real stars, and its limits
BELIEVED = 0.5  # of what the middle of the distribution tells of the power
TENTH = 0.1
LEAST = 1e-30  # a probability below which none is told
DONOR_SIGMA = 4.0  # significance from which a star may vary, and lends no deviations to others
# Artificial constant stars have at least so many measurements, and are so many at least and most.
ARTIFICIAL_MEASUREMENTS, ARTIFICIAL_STARS = 4_000_000, (60_000, 400_000)
MOST_TIMES = 150  # that all stars of a small catalogue are made


@dataclass(frozen=True)
class Kind:
    """By what stars are compared with each other; arrays (n_stars,)."""

    mag: np.ndarray  # mag
    crowding: np.ndarray  # number of a class; those next to each other are alike


@dataclass(frozen=True)
class _Usual:
    """What deviates of constant stars of one class are, by magnitude; arrays (n_bins,)."""

    mag: np.ndarray
    median: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, mag: FloatArray, deviates: FloatArray) -> "_Usual":
        order = np.argsort(mag, kind="stable")
        n_bins = int(np.clip(len(mag) // BIN_STARS, 1, MAX_BINS))
        bins = [_middle_and_scale(deviates[part]) for part in np.array_split(order, n_bins)]
        centres = [np.median(mag[part]) for part in np.array_split(order, n_bins)]
        median, scale = np.array(bins).T
        return cls(np.array(centres), median, scale)

    def standard(self, mag: FloatArray, deviates: FloatArray) -> FloatArray:
        scale = np.interp(mag, self.mag, self.scale)
        result: FloatArray = (deviates - np.interp(mag, self.mag, self.median)) / scale
        return result


def _middle_and_scale(deviates: FloatArray) -> tuple[float, float]:
    """Median and scale of the side on which variable stars are, without these.

    By what five in six and nine in ten stars have: fewer than that vary, and errors that differ
    from star to star show there.
    """
    left = deviates
    for _ in range(N_CLIPS):
        low, middle, high = np.percentile(left, (15.87, 50, 84.13))
        limit = middle + CLIP_SIGMA * max(high - middle, middle - low, 1e-3)
        left = left[left <= limit]
    middle, high, higher = np.percentile(left, (50, 84.13, 90))
    # 0.9998 of a Gaussian are below the limit.
    return float(middle), float(max((high - middle + (higher - middle) / 1.2816) / 2, 0.1))


def deviates_of(evidence: Evidence, power: float = WILSON_HILFERTY) -> FloatArray:
    """(3, n_stars) what scatter, smoothness and trend would be as Gaussian deviates, in sigma.

    Of chi2/nu by a ``power`` of it, that of Wilson & Hilferty (1931, PNAS 17, 684) where errors are
    those of noise; of the trend's F, whose tail with two degrees of freedom is
    ``(1 + 2 F / n)^(-n / 2)``. NaN where the evidence is.
    """
    n = np.maximum(evidence.n_free, 1.0)
    ratio = np.maximum(evidence.chi2_nu, 1e-6)
    log_ratio = np.log(ratio) + 2 / (9 * n) * 3
    scatter = np.expm1(power * log_ratio) / power * np.sqrt(n / 2)
    rest = np.maximum(n - 2, 1.0)
    log_tail = -rest / 2 * np.log1p(2 * np.maximum(evidence.trend, 0) / rest)
    trend = -ndtri(np.clip(np.exp(log_tail), LEAST, 1 - 1e-9))
    return np.vstack([scatter, evidence.smoothness, trend])


def standard_deviates(evidence: Evidence, kind: Kind) -> FloatArray:
    """(3, n_stars) deviates in sigma, relative to what constant stars of the same Kind have.

    That is told by the median and the upper side of all stars of a magnitude and crowding.
    """
    known = np.isfinite(evidence.n_free) & np.isfinite(kind.mag)
    evidence = evidence.with_usual(usual_variances(evidence, kind, known))
    classes = _classes(kind.crowding, known)
    deviates = deviates_of(evidence, _symmetric_power(evidence, kind, classes))
    standard = np.full_like(deviates, np.nan)
    for members in classes:
        for row, result in zip(deviates, standard, strict=True):
            usual = _Usual.of(kind.mag[members], row[members])
            result[members] = usual.standard(kind.mag[members], row[members])
    return standard


def _symmetric_power(evidence: Evidence, kind: Kind, classes: list[IntArray]) -> float:
    """The power of chi2/nu that is distributed alike to both sides of its median.

    Where errors are off by another factor for each star, chi2/nu has a longer tail than noise
    gives it, and the power is less than a third: of a lognormal it would be 0. By the middle of
    the distribution, where few stars vary; half of what it tells, as these few and blends are on
    that side, too.
    """
    logs = [np.zeros(0)]
    for members in classes:
        mag, log_chi2 = kind.mag[members], np.log(np.maximum(evidence.chi2_nu[members], 1e-6))
        usual = _Usual.of(mag, log_chi2)
        off = log_chi2 - np.interp(mag, usual.mag, usual.median)
        logs.append(off[off < CLIP_SIGMA * np.interp(mag, usual.mag, usual.scale)])
    pooled = np.concatenate(logs)
    if len(pooled) < MIN_CLASS:
        return WILSON_HILFERTY
    low, lower, middle, higher, high = np.percentile(pooled, (10, 15.87, 50, 84.13, 90))
    width = (higher - lower) / 2
    # To second order of a Box-Cox transformation, whose curvature makes up for the asymmetry.
    wanted = [
        2 * (2 * middle - a - b) / ((a - middle) ** 2 + (b - middle) ** 2)
        for a, b in ((lower, higher), (low, high))
    ]
    told = len(pooled) * width**2 / 5  # inverse variance of that, by the errors of percentiles
    believed = BELIEVED * told / (told + POWER_SPREAD**-2.0)
    power = believed * np.mean(wanted) + (1 - believed) * WILSON_HILFERTY
    return float(np.clip(power, *POWERS))


def larger_of_two(first: FloatArray, second: FloatArray) -> FloatArray:
    """(n,) probability of two (n,) both of which count, where either may be NaN.

    Of the larger, whose distribution among constant stars is ``p^k``, with k between 1 and 2 as
    both depend on each other: by the share of those below a tenth, where few stars vary; half of
    what that tells, as what is rarer depends more on each other.
    """
    larger = np.fmax(first, second)
    is_both = np.isfinite(first) & np.isfinite(second)
    if is_both.sum() < MIN_CLASS:
        return larger
    share = np.clip(np.mean(larger[is_both] < TENTH), TENTH**2, TENTH)
    power = (1 + np.log(share) / np.log(TENTH)) / 2
    return np.where(is_both, larger**power, larger)


def usual_variances(evidence: Evidence, kind: Kind, known: BoolArray) -> FloatArray:
    """(n_stars, n) mag^2 by which stars of the same Kind change with each condition.

    ``known`` (n_stars,) tells which have both, without a unit. By the median of the squares of
    their coefficients, as far as these are more than their errors.
    """
    variances = np.zeros_like(evidence.along)
    for members in _classes(kind.crowding, known):
        order = members[np.argsort(kind.mag[members], kind="stable")]
        n_bins = int(np.clip(len(order) // BIN_STARS, 1, MAX_BINS))
        for part in np.array_split(order, n_bins):
            for condition in range(variances.shape[1]):
                precision = evidence.precision[part, condition]
                told = part[precision > 0]
                if len(told):
                    error = 1 / evidence.precision[told, condition]
                    squares = (evidence.along[told, condition] * error) ** 2
                    more = MEDIAN_SQUARE * np.median(squares) - np.median(error)
                    variances[part, condition] = max(more, 0.0)
    return variances


def _classes(crowding: IntArray, known: BoolArray) -> list[IntArray]:
    """Indices of the stars of each class; small ones go with the next."""
    numbers = np.unique(crowding[known])
    found: list[IntArray] = []
    waiting = np.zeros(0, int)
    for number in numbers:
        waiting = np.concatenate([waiting, np.flatnonzero(known & (crowding == number))])
        if len(waiting) >= MIN_CLASS:
            found.append(waiting)
            waiting = waiting[:0]
    if len(waiting):
        last = found.pop() if found else waiting[:0]
        found.append(np.concatenate([last, waiting]))
    return found


def combined(standard: FloatArray) -> FloatArray:
    """(n_stars,) natural logarithms of one probability of three deviates (3, n_stars), in sigma.

    By Cauchy's combination (Liu & Xie 2020, JASA 115, 393), which holds in the tail however they
    depend on each other. NaN stays NaN.
    """
    chance = np.clip(ndtr(-standard), LEAST, 1 - 1e-12)
    # tan(pi (1/2 - p)) is 1 / (pi p) where p is small, and accurate so.
    total = WEIGHTS @ (1 / np.tan(np.pi * chance))
    small = np.arctan2(1.0, total) / np.pi
    return np.log(np.maximum(small, LEAST))


def groups(kind: Kind) -> Iterator[IntArray]:
    """Indices (n,) of stars of one class and about one magnitude, ascending; for each such group.

    Those without a magnitude are in none.
    """
    for members in _classes(kind.crowding, np.isfinite(kind.mag)):
        ordered = members[np.argsort(kind.mag[members], kind="stable")]
        n_bins = int(np.clip(len(ordered) // BIN_STARS, 1, MAX_BINS))
        n_bins = max(n_bins, len(ordered) // GROUP_STARS)
        yield from map(np.sort, np.array_split(ordered, n_bins))


def artificial_pulls(
    pulls: FloatArray, is_constant: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """(n_stars, n_images) deviations of constant stars, in sigma, NaN where not measured.

    ``pulls`` (n_stars, n_images) are those of the stars of a group, in sigma. Each star gets on
    each image the pull of another that ``is_constant`` (n_stars,), so that all that images do is
    there, and nothing that a star does.
    """
    own = np.ascontiguousarray(pulls.T)
    drawn = np.full_like(own, np.nan)
    for to, values in zip(drawn, own, strict=True):
        measured = np.isfinite(values)
        lent = values[measured & is_constant]
        if len(lent):
            to[measured] = lent[rng.integers(len(lent), size=int(measured.sum()))]
    return drawn.T


@dataclass(frozen=True)
class Calibration:
    """How often constant stars have a combined probability below a value."""

    log_chance: np.ndarray  # (n,) ascending, natural logarithms of the combined probability
    share: np.ndarray  # (n,) of the artificial stars below each
    tail_start: float  # logarithm from which the tail is taken for a power law
    tail_index: float

    @classmethod
    def of(cls, log_chance: FloatArray) -> "Calibration":
        """From those of artificial constant stars (n,), natural logarithms of probabilities.

        The tail of the smallest 1,200, a fiftieth at most, is a power law of Hill's index (1975,
        Ann. Stat. 3, 1163): fewer stars than it takes would tell of one in 30,000.
        """
        ordered = np.sort(log_chance[np.isfinite(log_chance)])
        if not len(ordered):
            return cls(np.array([-1.0, 0.0]), np.array([np.exp(-1.0), 1.0]), -1.0, 1.0)
        n_tail = max(min(int(MOST_TAIL * len(ordered)), TAIL_STARS), 1)
        start = ordered[min(n_tail, len(ordered) - 1)]
        excess = float(np.mean(start - ordered[:n_tail]))
        share = (np.arange(len(ordered)) + 0.5) / len(ordered)
        return cls(ordered, share, float(start), 1 / max(excess, 1e-3))

    def probability(self, log_chance: FloatArray) -> FloatArray:
        """(n,) false-alarm probabilities of combined ones (n,), natural logarithms; NaN stays."""
        share = np.interp(log_chance, self.log_chance, self.share)
        below = np.minimum(log_chance - self.tail_start, 0)
        at_start = float(np.interp(self.tail_start, self.log_chance, self.share))
        tail = at_start * np.exp(self.tail_index * below)
        result: FloatArray = np.maximum(np.where(below < 0, tail, share), LEAST)
        return np.where(np.isfinite(log_chance), result, np.nan)
