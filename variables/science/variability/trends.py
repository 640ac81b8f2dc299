"""Trends that the stars of a chip share over its epochs, found on constant ones and taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.compiled import compiled
from variables.science.selection import running_median
from variables.science.variability.components import (
    ColourScale,
    Component,
    Deviations,
    component_by_colour,
    strongest_component,
    supported_gain,
)
from variables.science.variability.curves import CatalogueCurves, blocks
from variables.science.variability.options import VariabilityOptions
from variables.science.variability.statistics import CurveStatistics

USUAL_CHI2 = 2.0  # chi2/nu of stars as bright, beyond which a star may vary
MIN_COMPLETE = 0.8  # share of the images on which a constant star is measured
MIN_STARS = 40  # from which trends are told
N_PARTS = 2  # of the stars, each judged by the components of the others


@dataclass(frozen=True)
class Trends:
    """Trends of a catalogue: of star i on image j they are ``sum_k(coefficient_ik image_kj)``."""

    of_images: np.ndarray  # (n, n_images) mag, n the number of components
    components: tuple[Component, ...]  # n
    colours: ColourScale

    @classmethod
    def none(cls, n_images: int) -> "Trends":
        """No trend."""
        return cls(np.zeros((0, n_images)), (), ColourScale.unknown())

    @classmethod
    def made_of(cls, components: list[Component], colours: ColourScale) -> "Trends":
        """Those of components, at least one."""
        return cls(np.array([c.of_images for c in components]), tuple(components), colours)

    def __len__(self) -> int:
        return len(self.of_images)

    def expected(self, colours: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Coefficients (n_stars, n) that are expected of stars, no unit, and their variances.

        ``colours`` (n_stars,) are in mag, NaN where unknown.
        """
        by_colour = self.colours.coefficients(colours)
        both = [component.expected(by_colour) for component in self.components]
        expected, variance = np.transpose(both, (1, 2, 0))
        return np.ascontiguousarray(expected), np.ascontiguousarray(variance)


def find_trends(
    curves: CatalogueCurves,
    statistics: CurveStatistics,
    is_single: BoolArray,
    options: VariabilityOptions = VariabilityOptions(),
    colours: FloatArray | None = None,
) -> Trends:
    """Trends of a catalogue's constant stars, by SysRem, and by their colours.

    The ``statistics`` are those of the ``curves``; ``is_single`` (n_stars,) are without a unit, and
    true of stars that no close neighbour trades flux with; ``colours`` (n_stars,) are in mag, NaN
    where unknown, and may be left out. The next component is the strongest one, or once the one
    that goes with colour, as extinction's does: that which lessens the chi2 more of stars that
    it was not made of, each measurement predicted from the star's others. It is kept as long as it
    does so by three standard errors. There is none with fewer images than ``min_trend_epochs``.
    """
    chosen = constant_stars(curves, statistics, is_single, options)
    none = Trends.none(curves.n_images)
    if curves.n_images < options.min_trend_epochs or chosen.sum() < MIN_STARS:
        return none
    own = np.full(len(chosen), np.nan)[chosen] if colours is None else colours[chosen]
    scale = ColourScale.of(own)
    by_colour = scale.coefficients(own)
    mag, mag_err = (matrix[chosen].astype("f8") for matrix in (curves.mag, curves.mag_err))
    whole = Deviations.of(mag, mag_err, by_colour)
    parts = [np.arange(chosen.sum()) % N_PARTS == part for part in range(N_PARTS)]
    left = _Judged(whole, [(whole.of_stars(~part), whole.of_stars(part)) for part in parts])
    kinds = [strongest_component]
    if np.isfinite(by_colour).sum() >= MIN_STARS:
        kinds.append(component_by_colour)
    found: list[Component] = []
    while len(found) < options.max_trends:
        best = max((_Candidate.of(kind, left) for kind in kinds), key=lambda one: one.gain)
        if best.gain <= 0:
            break
        if best.kind is component_by_colour:
            kinds.remove(component_by_colour)
        found.append(best.kind(left.whole))
        left = left.without(found[-1], best.components)
    return Trends.made_of(found, scale) if found else none


@dataclass(frozen=True)
class _Judged:
    """Constant stars' deviations, and parts of them that each judge what the others teach."""

    whole: Deviations
    parts: list[tuple[Deviations, Deviations]]  # that teach, and that judge

    def without(self, component: Component, of_parts: list[Component]) -> "_Judged":
        """What a component leaves, of each part that of its own teachers."""
        parts = [
            (teaching.without(own), judging.without(own))
            for (teaching, judging), own in zip(self.parts, of_parts, strict=True)
        ]
        return _Judged(self.whole.without(component), parts)


@dataclass(frozen=True)
class _Candidate:
    """A component that may be the next."""

    kind: Callable[[Deviations], Component]
    components: list[Component]  # of what each part is taught by
    gain: float  # of stars that it was not made of; 0 if it may be chance

    @classmethod
    def of(cls, kind: Callable[[Deviations], Component], left: _Judged) -> "_Candidate":
        components = [kind(teaching) for teaching, _ in left.parts]
        judges = [judging for _, judging in left.parts]
        gains = [own.gains(c) for own, c in zip(judges, components, strict=True)]
        return cls(kind, components, supported_gain(np.concatenate(gains)))


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


def star_coefficients(
    curves: CatalogueCurves,
    statistics: CurveStatistics,
    trends: Trends,
    colours: FloatArray | None = None,
) -> FloatArray:
    """(n_stars, n) float32 coefficients of all stars, without a unit.

    Of each by its own measurements and by what is usual of constant ones, or of those of its
    colour (n_stars,) mag, with their spread: what a star does by itself is not taken for a trend. A
    star counts for as little as it scatters.
    """
    result = np.zeros((len(curves), len(trends)), "f4")
    expansion = np.nan_to_num(np.maximum(statistics.chi2_nu, 1.0), nan=1.0).astype("f8")
    if len(trends):
        unknown = np.full(len(curves), np.nan)
        usual, variance = trends.expected(unknown if colours is None else colours)
        images = np.ascontiguousarray(trends.of_images)
        centre = np.nan_to_num(statistics.mean_mag).astype("f8")
        stars = _Stars(curves.mag, curves.mag_err, centre, expansion)
        _fit(stars, images, usual, 1 / variance, result)
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
            across, information = usual[star, k] * precision[star, k], precision[star, k]
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
