"""What speaks for a star's variability: its scatter, how smooth it is, and its trend in time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.compiled import compiled, inlined
from variables.science.variability.curves import blocks
from variables.science.variability.dependence import chance_inflation, chance_of_dependence
from variables.science.variability.orthogonal import free, take

CLIP_SIGMA = 4.0  # beyond which a deviation counts as one of this size
UNCORRECTED = 1.0  # of what follows conditions, that no linear correction takes away
FOLLOWS_PROBABILITY = 1e-3  # that a star seems to follow conditions by chance
EPOCHS_A_CONDITION = 3  # at least, so that it is told whether a star follows them
N_TIMES = 2  # of the trend: linear and square

# Of the results of the compiled pass: chi2 of the whole, and of what is left without conditions.
N, N_FOLLOWED, CHI2, CHI2_LEFT, CHI2_CORRECTED, SMOOTH, TREND = range(7)


@dataclass(frozen=True)
class Evidence:
    """Of light curves, arrays (n_stars,), ratios without a unit; NaN with too few epochs."""

    n_free: np.ndarray  # degrees of freedom of chi2
    chi2_nu: np.ndarray  # of deviations that count as 4 sigma at most
    smoothness: np.ndarray  # correlation of successive deviations, in sigma; above 0 where smooth
    trend: np.ndarray  # F of a parabola in time
    followed: np.ndarray  # share of the scatter that follows the conditions; 0 where chance does
    follows: np.ndarray  # bool: whether that is so much that the conditions make the scatter
    along: np.ndarray  # (n_stars, n) weighted sums of the conditions times the deviations
    precision: np.ndarray  # (n_stars, n) weighted sums of the conditions' squares; 0 where unknown

    def select(self, chosen: IntArray) -> "Evidence":
        """That of some of the stars, by indices (n,)."""
        return Evidence(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Evidence"]) -> "Evidence":
        """That of the stars of all parts, one part after the other."""
        return cls(*(np.concatenate([getattr(one, f.name) for one in parts]) for f in fields(cls)))

    def with_usual(self, usual: FloatArray) -> "Evidence":
        """The same with chi2 for stars that follow conditions as their like do.

        ``usual`` (n_stars, n) mag^2 are the variances of what stars of a kind change by with each
        condition. The chi2 is that of deviations with this covariance beside their errors, by
        Woodbury's identity, as the conditions are orthogonal. Stars that ``follows`` tells of have
        theirs taken off already.
        """
        explained = self.along**2 / (self.precision + 1 / np.maximum(usual, 1e-12))
        less = np.where(self.follows, 0, explained.sum(axis=1)) / np.maximum(self.n_free, 1)
        return replace(self, chi2_nu=np.maximum(self.chi2_nu - less, 0))


@dataclass(frozen=True)
class Circumstances:
    """When and how images were taken."""

    mjd: np.ndarray  # (n_images,) ascending, days
    conditions: np.ndarray  # (n, n_images) of ``standard_conditions``, without a unit


def evidence_of(
    circumstances: Circumstances,
    mag: FloatArray,
    mag_err: FloatArray,
    least_share: FloatArray,
    min_epochs: int = 5,
) -> Evidence:
    """The Evidence of light curves, matrices (n_stars, n_images) mag, NaN where not measured.

    ``least_share`` (n_stars,) are shares of a star's scatter from which on conditions make it. A
    deviation is from the median of the star; beyond 4 sigma it counts as 4, as a cosmic ray would
    else be evidence of variability.

    Whether a star follows the conditions F tells, of chi2 with them and without, and whether it
    does so more than curves that are as smooth (``chance_inflation``), or from image to image, too
    (``chance_of_dependence``). Where they make
    the scatter, only the scatter of the rest counts, with as much as was taken away added to its
    errors: the dependence is not linear, and as smooth as the conditions are.

    Smoothness is the correlation of successive deviations (von Neumann 1941, Ann. Math. Stat. 12,
    367) with the weights of Stetson's J in ``matrix_statistics``; the trend is F of ``t, t^2``.
    """
    mjd = np.asarray(circumstances.mjd, "f8")
    gaps = np.diff(mjd)
    usual_gap = max(np.median(gaps), 1e-9) if len(gaps) else 1.0
    span = max(np.ptp(mjd), 1e-9) if len(mjd) else 1.0
    times = (mjd - (mjd.mean() if len(mjd) else 0)) / span
    conditions = np.reshape(circumstances.conditions, (-1, len(mjd)))
    basis = np.ascontiguousarray(np.vstack([conditions, times, times**2]))
    value, error = np.ascontiguousarray(mag, dtype="f4"), np.ascontiguousarray(mag_err, dtype="f4")
    result = np.full((len(mag), 7), np.nan)
    along, precision = np.zeros((2, len(mag), len(conditions)))
    steps = times * span / usual_gap
    results = _Results(result, along, precision)
    curves = _Curves(value, error, basis, steps)
    _measure(curves, max(min_epochs, 5), results)
    return _judged(curves, results, least_share)


def _judged(curves: "_Curves", results: "_Results", least_share: FloatArray) -> Evidence:
    """By whether more follows the conditions than would by chance."""
    result = results.values
    n, k = result[:, N], result[:, N_FOLLOWED]
    before, left = result[:, CHI2] / (n - 1), result[:, CHI2_LEFT] / (n - 1 - k)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip(1 - left / before, 0, 1)
    share[~(_chances(curves, results) < FOLLOWS_PROBABILITY)] = 0
    share[np.isnan(n)] = np.nan
    follows = share >= least_share
    return Evidence(
        n_free=np.where(follows, n - 1 - k, n - 1),
        chi2_nu=np.where(follows, result[:, CHI2_CORRECTED] / (n - 1 - k), before),
        smoothness=np.where(follows, 0.0, result[:, SMOOTH]),
        trend=np.where(follows, 0.0, result[:, TREND]),
        followed=share,
        follows=follows,
        along=results.along,
        precision=results.precision,
    )


def _chances(curves: "_Curves", results: "_Results") -> FloatArray:
    """(n_stars,) probabilities that a star seems to follow the conditions, by F; NaN without."""
    n, k, left = (results.values[:, column] for column in (N, N_FOLLOWED, CHI2_LEFT))
    gains = results.along**2 / np.maximum(results.precision, 1e-30)

    def chance(star: IntArray | slice, inflation: FloatArray | float) -> FloatArray:
        n_free = n[star] - 1 - k[star]
        with np.errstate(invalid="ignore", divide="ignore"):
            f = (gains[star] / inflation).sum(axis=1) / k[star] / (left[star] / n_free)
            found: FloatArray = fdtrc(np.maximum(k[star], 1), n_free, np.maximum(f, 0))
        return np.where(k[star] > 0, found, 1.0)

    chances = chance(slice(None), 1.0)
    # Few seem to at all, and of these it is asked whether they would by themselves.
    seeming = np.flatnonzero(chances < FOLLOWS_PROBABILITY)
    for part in blocks(len(seeming), curves.mag.shape[1]):
        some = seeming[part]
        mag_err, conditions = curves.mag_err[some], curves.basis[:-N_TIMES]
        off = curves.mag[some] - np.nanmedian(curves.mag[some], axis=1, keepdims=True)
        off = np.clip(off, -CLIP_SIGMA * mag_err, CLIP_SIGMA * mag_err)
        whole = chance(some, chance_inflation(off / mag_err, conditions))
        chances[some] = np.minimum(whole, chance_of_dependence(off, mag_err, conditions))
    return chances


@inlined
def _smoothness(left: FloatArray, weight: FloatArray, near: FloatArray, n: int) -> float:
    product = squares = total = 0.0
    for i in range(n):
        total += weight[i] * left[i] * left[i]
    for i in range(n - 1):
        size = np.sqrt(weight[i] * weight[i + 1])
        product += near[i] * size * left[i] * left[i + 1]
        squares += near[i] * near[i]
    if total <= 0 or squares <= 0:
        return 0.0
    return product / np.sqrt(squares) / (total / (n - 1))


class _Curves(NamedTuple):
    mag: np.ndarray  # (n_stars, n_images) float32, mag
    mag_err: np.ndarray  # (n_stars, n_images) float32, mag
    basis: np.ndarray  # (n + 2, n_images) conditions, then the time and its square
    steps: np.ndarray  # (n_images,) times in units of the usual gap


class _Results(NamedTuple):
    values: np.ndarray  # (n_stars, 7) by the numbers above
    along: np.ndarray  # (n_stars, n)
    precision: np.ndarray  # (n_stars, n)


class _Work(NamedTuple):
    """Of one star, its measurements first; (n_images,) where nothing else is said."""

    columns: np.ndarray  # (n + 3, n_images) a constant, conditions, the time and its square
    left: np.ndarray  # deviations, mag
    whole: np.ndarray  # deviations with all that follows something, mag
    weight: np.ndarray
    near: np.ndarray  # weight of the pair with the next measurement
    places: np.ndarray  # columns of the matrices


@inlined
def _fill(curves: _Curves, star: int, work: _Work) -> int:
    """Deviations of a star, none larger than CLIP_SIGMA; gives their number."""
    mag, mag_err = curves.mag[star], curves.mag_err[star]
    left, weight = work.left, work.weight
    n = 0
    for j in range(len(mag)):
        if mag_err[j] > 0 and np.isfinite(mag[j]):
            left[n], work.places[n] = mag[j], j
            weight[n] = 1 / np.float64(mag_err[j]) ** 2
            n += 1
    if n == 0:
        return 0
    middle = np.median(left[:n])
    for i in range(n):
        limit = CLIP_SIGMA / np.sqrt(weight[i])
        left[i] = min(max(left[i] - middle, -limit), limit)
        work.columns[0, i] = 1.0
        last = i == n - 1
        step = 0.0 if last else curves.steps[work.places[i]] - curves.steps[work.places[i + 1]]
        work.near[i] = 0.0 if last else np.exp(step)
    take(work.columns[0], left, weight, n)
    for i in range(n):
        work.whole[i] = left[i]
    return n


@inlined
def _trend(curves: _Curves, work: _Work, n: int, chi2: float) -> float:
    """F of the time and its square, which it takes away."""
    first = len(curves.basis) - N_TIMES
    lessened, taken = 0.0, 0
    for k in range(N_TIMES):
        for i in range(n):
            work.columns[1 + k, i] = curves.basis[first + k, work.places[i]]
        if free(work.columns, 1 + k, work.weight, n):
            lessened += take(work.columns[1 + k], work.left, work.weight, n)
            taken += 1
    rest = (chi2 - lessened) / max(n - 1 - taken, 1)
    return lessened / max(taken, 1) / max(rest, 1e-12)


@inlined
def _conditions(curves: _Curves, work: _Work, n: int, star: int, results: _Results) -> None:
    """Take away what follows the conditions, where there are measurements enough to tell."""
    own = results.values[star]
    n_conditions = len(curves.basis) - N_TIMES
    followed = 0
    own[CHI2_LEFT], own[CHI2_CORRECTED] = own[CHI2], 0.0
    if n >= EPOCHS_A_CONDITION * (1 + n_conditions):
        for k in range(n_conditions):
            for i in range(n):
                work.columns[1 + k, i] = curves.basis[k, work.places[i]]
            if free(work.columns, 1 + k, work.weight, n):
                lessened = take(work.columns[1 + k], work.left, work.weight, n)
                own[CHI2_LEFT] -= lessened
                followed += 1
                squares = 0.0
                for i in range(n):
                    squares += work.weight[i] * work.columns[1 + k, i] ** 2
                results.precision[star, k] = squares
                # Its sign is of no matter, as no star is expected to follow a condition either way.
                results.along[star, k] = np.sqrt(lessened * squares)
    for i in range(n):
        gone = UNCORRECTED * (work.whole[i] - work.left[i])
        own[CHI2_CORRECTED] += work.left[i] ** 2 / (1 / work.weight[i] + gone * gone)
    own[N_FOLLOWED] = followed


@compiled
def _measure(curves: _Curves, min_epochs: int, results: _Results) -> None:
    n_stars, n_images = curves.mag.shape
    rows = np.empty((4, n_images))
    columns, places = np.empty((1 + len(curves.basis), n_images)), np.empty(n_images, np.int64)
    work = _Work(columns, rows[0], rows[1], rows[2], rows[3], places)
    for star in range(n_stars):
        n = _fill(curves, star, work)
        if n < min_epochs:
            continue
        own = results.values[star]
        own[N], own[CHI2] = n, 0.0
        for i in range(n):
            own[CHI2] += work.weight[i] * work.left[i] ** 2
        own[SMOOTH] = _smoothness(work.left, work.weight, work.near, n)
        own[TREND] = _trend(curves, work, n, own[CHI2])
        for i in range(n):
            work.left[i] = work.whole[i]
        _conditions(curves, work, n, star, results)
