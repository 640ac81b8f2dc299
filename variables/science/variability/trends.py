"""Trends that the stars of a chip share over its epochs, found on constant ones and taken away."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.compiled import compiled
from photometry.science.scatter import MAD_TO_SIGMA
from variables.science.selection import running_median
from variables.science.variability.curves import CatalogueCurves, blocks
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import CurveStatistics

N_ROUNDS, TOLERANCE = 50, 1e-4  # of a component: steps at most, and when it stands still
CLIP_SIGMA = 4.0  # beyond which a deviation counts as one of this size
USUAL_CHI2 = 2.0  # chi2/nu of stars as bright, beyond which a star may vary
MIN_COMPLETE = 0.8  # share of the images on which a constant star is measured
MIN_STARS = 40  # from which trends are told
MIN_GAIN = 3.0  # of a component for stars that it was not made of, in standard errors
N_PARTS = 2  # of the stars, each judged by the components of the others


@dataclass(frozen=True)
class Trends:
    """Trends of a catalogue: of star i on image j they are ``sum_k(coefficient_ik image_kj)``."""

    of_images: np.ndarray  # (n, n_images) mag, n the number of components
    usual: np.ndarray  # (n,) what coefficients of stars usually are, without a unit
    spread: np.ndarray  # (n,) their standard deviation, without a unit

    @classmethod
    def none(cls, n_images: int) -> "Trends":
        """No trend."""
        return cls(np.zeros((0, n_images)), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.of_images)


@dataclass(frozen=True)
class _Deviations:
    """Of constant stars from their medians; both (n_stars, n_images)."""

    value: np.ndarray  # mag, 0 where not measured
    weight: np.ndarray  # inverse variance, 0 where not measured

    @classmethod
    def of(cls, mag: FloatArray, mag_err: FloatArray) -> "_Deviations":
        value = mag - np.nanmedian(mag, axis=1, keepdims=True)
        scatter = MAD_TO_SIGMA * np.nanmedian(np.abs(value), axis=1, keepdims=True)
        # What is no better known than the star's own scatter shall not say more than it.
        error = np.fmax(mag_err, scatter)
        value = np.clip(value, -CLIP_SIGMA * error, CLIP_SIGMA * error)
        weight = np.where(np.isfinite(value), error**-2.0, 0)
        return cls(np.nan_to_num(value), weight)

    def of_stars(self, chosen: BoolArray) -> "_Deviations":
        return _Deviations(self.value[chosen], self.weight[chosen])

    def without(self, coefficients: FloatArray, of_images: FloatArray) -> "_Deviations":
        left = self.value - np.outer(coefficients, of_images)
        return _Deviations(np.where(self.weight > 0, left, 0), self.weight)


def find_trends(
    curves: CatalogueCurves,
    statistics: CurveStatistics,
    is_single: BoolArray,
    options: VariabilityOptions = VariabilityOptions(),
) -> Trends:
    """Trends of a catalogue's constant stars, by SysRem.

    Tamuz, Mazeh & Zucker 2005, MNRAS 356, 1466, equations 2 and 4. The ``statistics`` are those of
    the ``curves``; ``is_single`` (n_stars,) are without a unit, and true of stars that no close
    neighbour trades flux with. A component is kept as long as it lessens the chi2 of stars that it
    was not made of, each measurement predicted from the star's others, by three standard errors.
    There is none with fewer images than ``min_trend_epochs``.
    """
    chosen = constant_stars(curves, statistics, is_single, options)
    none = Trends.none(curves.n_images)
    if curves.n_images < options.min_trend_epochs or chosen.sum() < MIN_STARS:
        return none
    left = _Deviations.of(curves.mag[chosen].astype("f8"), curves.mag_err[chosen].astype("f8"))
    parts = [np.arange(chosen.sum()) % N_PARTS == part for part in range(N_PARTS)]
    judged = [left.of_stars(part) for part in parts]
    teaching = [left.of_stars(~part) for part in parts]
    found: list[tuple[FloatArray, float, float]] = []
    while len(found) < options.max_trends:
        components = [_component(stars) for stars in teaching]
        gains = [_gains(stars, *c) for stars, c in zip(judged, components, strict=True)]
        if not _is_supported(np.concatenate(gains)):
            break
        teaching = [_taken(s, *c) for s, c in zip(teaching, components, strict=True)]
        judged = [_taken(s, *c) for s, c in zip(judged, components, strict=True)]
        found.append(_component(left))
        left = _taken(left, *found[-1])
    if not found:
        return none
    of_images, usual, spread = zip(*found, strict=True)
    return Trends(np.array(of_images), np.array(usual), np.array(spread))


def constant_stars(
    curves: CatalogueCurves,
    statistics: CurveStatistics,
    is_single: BoolArray,
    options: VariabilityOptions = VariabilityOptions(),
) -> BoolArray:
    """(n_stars,) which stars trends are found on: the best measured that hardly vary.

    ``is_single`` (n_stars,) as in ``find_trends``, without a unit. Those that are on most images,
    don't fade, and have no larger chi2/nu than twice the median of stars as bright.
    """
    good = is_single & (statistics.n_epochs >= MIN_COMPLETE * curves.n_images)
    good &= np.isfinite(statistics.mean_mag)
    good &= ~curves.fading(options.faint_sigma)
    chi2_nu = np.where(good, statistics.chi2_nu, np.nan)
    usual = running_median(statistics.mean_mag.astype("f8"), chi2_nu.astype("f8"))
    with np.errstate(invalid="ignore"):
        good &= statistics.chi2_nu <= USUAL_CHI2 * usual
    best = np.argsort(np.where(good, statistics.mean_mag, np.inf), kind="stable")
    chosen = np.zeros(len(good), bool)
    chosen[best[: options.trend_stars]] = True
    return chosen & good


def _component(stars: _Deviations) -> tuple[FloatArray, float, float]:
    """The strongest component (n_images,) mag, and the usual coefficient and spread of stars."""
    value, weight = stars.value, stars.weight
    per_image = weight.sum(axis=0)
    of_images = (weight * value).sum(axis=0) / np.where(per_image > 0, per_image, 1)
    if not np.any(of_images):
        of_images = np.ones(value.shape[1]) * 1e-6
    for _ in range(N_ROUNDS):
        coefficients = _coefficients(stars, of_images)
        size = np.sqrt(np.mean(coefficients**2))
        if not size > 0:
            break
        coefficients /= size
        before = of_images
        below = weight.T @ coefficients**2
        of_images = (weight * value).T @ coefficients / np.where(below > 0, below, 1)
        if np.abs(of_images - before).max() <= TOLERANCE * np.abs(of_images).max():
            break
    coefficients = _coefficients(stars, of_images)
    usual = float(np.median(coefficients))
    errors = 1 / np.sqrt(_information(stars, of_images))
    pulls = MAD_TO_SIGMA * np.median(np.abs(coefficients - usual))
    spread = float(np.sqrt(max(pulls**2 - np.median(errors) ** 2, 1e-6)))
    return of_images, usual, spread


def _information(stars: _Deviations, of_images: FloatArray) -> FloatArray:
    """(n,) inverse variances of the coefficients."""
    return np.maximum(stars.weight @ of_images**2, 1e-12)


def _coefficients(stars: _Deviations, of_images: FloatArray) -> FloatArray:
    """(n,) of each star by its own measurements alone."""
    across = (stars.weight * stars.value) @ of_images
    result: FloatArray = across / _information(stars, of_images)
    return result


def _taken(stars: _Deviations, of_images: FloatArray, usual: float, spread: float) -> _Deviations:
    information = _information(stars, of_images)
    across = information * _coefficients(stars, of_images) + usual / spread**2
    return stars.without(across / (information + spread**-2.0), of_images)


def _gains(stars: _Deviations, of_images: FloatArray, usual: float, spread: float) -> FloatArray:
    """(n,) by how much chi2 is less with a component, per measurement.

    Each measurement is predicted by the star's others: what a measurement has pulled the
    coefficient along is undone by its leverage.
    """
    left = _taken(stars, of_images, usual, spread).value
    total = _information(stars, of_images) + spread**-2.0
    leverage = stars.weight * of_images**2 / total[:, None]
    predicted = left / np.maximum(1 - leverage, 1e-3)
    n = np.maximum((stars.weight > 0).sum(axis=1), 1)
    gains: FloatArray = (stars.weight * (stars.value**2 - predicted**2)).sum(axis=1) / n
    return gains


def _is_supported(gains: FloatArray) -> bool:
    """Whether gains (n,) are more than nothing by MIN_GAIN standard errors, and for most stars."""
    # A few stars with a common fault gain most: each counts for as much as nineteen in twenty do.
    low, high = np.percentile(gains, (5, 95))
    bounded = np.clip(gains, low, high)
    error = bounded.std() / np.sqrt(len(gains))
    return bool(bounded.mean() > MIN_GAIN * error and np.median(gains) > 0)


def star_coefficients(
    curves: CatalogueCurves, statistics: CurveStatistics, trends: Trends
) -> FloatArray:
    """(n_stars, n) float32 coefficients of all stars, without a unit.

    Of each by its own measurements and by what is usual of constant ones, with their spread: what
    a star does by itself is not taken for a trend. A star counts for as little as it scatters.
    """
    result = np.zeros((len(curves), len(trends)), "f4")
    expansion = np.nan_to_num(np.maximum(statistics.chi2_nu, 1.0), nan=1.0).astype("f8")
    if len(trends):
        precision = trends.spread**-2.0
        images = np.ascontiguousarray(trends.of_images)
        centre = np.nan_to_num(statistics.mean_mag).astype("f8")
        stars = _Stars(curves.mag, curves.mag_err, centre, expansion)
        _fit(stars, images, trends.usual, precision, result)
    return result


class _Stars(NamedTuple):
    """Light curves, and about what and how surely a star is fitted."""

    mag: np.ndarray  # (n_stars, n_images) float32, mag
    mag_err: np.ndarray  # (n_stars, n_images) float32, mag
    centre: np.ndarray  # (n_stars,) mag
    expansion: np.ndarray  # (n_stars,) of variances


@compiled
def _fit(
    stars: _Stars,
    images: FloatArray,
    usual: FloatArray,
    precision: FloatArray,
    result: FloatArray,
) -> None:
    n_stars, n_images = stars.mag.shape
    left, weight = np.empty(n_images), np.empty(n_images)
    for star in range(n_stars):
        mag, mag_err = stars.mag[star], stars.mag_err[star]
        for j in range(n_images):
            error = np.float64(mag_err[j])
            good = error > 0
            weight[j] = 1 / (error * error * stars.expansion[star]) if good else 0.0
            left[j] = mag[j] - stars.centre[star] if good else 0.0
        for k in range(len(images)):
            # The mean goes along with each component, or it would be a part of it.
            weights = total = middle = 0.0
            for j in range(n_images):
                weights += weight[j]
                total += weight[j] * left[j]
                middle += weight[j] * images[k, j]
            if weights == 0:
                break
            across, information = usual[k] * precision[k], precision[k]
            for j in range(n_images):
                off = images[k, j] - middle / weights
                across += weight[j] * off * (left[j] - total / weights)
                information += weight[j] * off * off
            coefficient = across / information
            result[star, k] = coefficient
            for j in range(n_images):
                left[j] -= coefficient * images[k, j]


def detrended(curves: CatalogueCurves, trends: Trends, coefficients: FloatArray) -> CatalogueCurves:
    """The CatalogueCurves without ``trends``, with stars' ``coefficients`` (n_stars, n), no unit.

    Magnitudes alone are others, errors and what was missed are as they were.
    """
    clean = curves.copy()
    take_trends(clean, trends, coefficients)
    return clean


def take_trends(curves: CatalogueCurves, trends: Trends, coefficients: FloatArray) -> None:
    """As ``detrended``, in place, with stars' ``coefficients`` (n_stars, n), without a unit."""
    of_images = trends.of_images.astype("f4")
    for part in blocks(*curves.mag.shape):
        curves.mag[part] -= coefficients[part] @ of_images
