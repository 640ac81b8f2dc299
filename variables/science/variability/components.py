"""Components that constant stars' deviations have in common, fitted and judged on other stars."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from photometry.science.scatter import MAD_TO_SIGMA

N_ROUNDS, TOLERANCE = 50, 1e-4  # of a component: steps at most, and when it stands still
CLIP_SIGMA = 4.0  # beyond which a deviation counts as one of this size
MIN_GAIN = 3.0  # of a component for stars that it was not made of, in standard errors
LEAST_VARIANCE = 1e-6  # of coefficients
FARTHEST_COLOUR = 5.0  # of a star from the others, in their scatter; beyond counts as that far
LEAST_COLOUR_SCATTER = 0.01  # mag, below which colours tell nothing


@dataclass(frozen=True)
class ColourScale:
    """Colours of constant stars, by which those of all become coefficients without a unit."""

    middle: float  # mag
    scatter: float  # mag; NaN where no colour tells anything

    @classmethod
    def unknown(cls) -> "ColourScale":
        """By which no colour tells anything."""
        return cls(np.nan, np.nan)

    @classmethod
    def of(cls, colours: FloatArray) -> "ColourScale":
        """That of stars' colours (n,) in mag, NaN where unknown."""
        known = colours[np.isfinite(colours)]
        if len(known) == 0:
            return cls.unknown()
        middle = float(np.median(known))
        scatter = float(MAD_TO_SIGMA * np.median(np.abs(known - middle)))
        return cls(middle, scatter if scatter > LEAST_COLOUR_SCATTER else np.nan)

    def coefficients(self, colours: FloatArray) -> FloatArray:
        """(n,) of stars by their colours (n,), mag; without a unit, NaN where unknown."""
        scaled = (colours - self.middle) / self.scatter
        return np.clip(scaled, -FARTHEST_COLOUR, FARTHEST_COLOUR)


@dataclass(frozen=True)
class Component:
    """A component on n_images, and what stars' coefficients are before their own are fitted."""

    of_images: np.ndarray  # (n_images,) mag
    usual: float  # coefficient of stars; of one by colour, of those of unknown colour
    spread: float  # of coefficients about what is expected
    is_by_colour: bool = False

    def expected(self, by_colour: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) coefficients that are expected of stars, without a unit, and their variances.

        ``by_colour`` (n,) are those of the ColourScale.
        """
        variance = np.full(len(by_colour), self.spread**2)
        if not self.is_by_colour:
            return np.full(len(by_colour), self.usual), variance
        is_known = np.isfinite(by_colour)
        # Of the others it is known how far coefficients scatter: by 1.
        return np.where(is_known, by_colour, self.usual), variance + np.where(is_known, 0.0, 1.0)


@dataclass(frozen=True)
class Deviations:
    """Of constant stars from their medians; matrices are (n_stars, n_images)."""

    value: np.ndarray  # mag, 0 where not measured
    weight: np.ndarray  # inverse variance, 0 where not measured
    by_colour: np.ndarray  # (n_stars,) coefficients of the ColourScale; NaN where unknown

    @classmethod
    def of(cls, mag: FloatArray, mag_err: FloatArray, by_colour: FloatArray) -> "Deviations":
        """Those of light curves, mag with NaN where not measured."""
        value = mag - np.nanmedian(mag, axis=1, keepdims=True)
        scatter = MAD_TO_SIGMA * np.nanmedian(np.abs(value), axis=1, keepdims=True)
        # What is no better known than the star's own scatter shall not say more than it.
        error = np.fmax(mag_err, scatter)
        value = np.clip(value, -CLIP_SIGMA * error, CLIP_SIGMA * error)
        weight = np.where(np.isfinite(value), error**-2.0, 0)
        return cls(np.nan_to_num(value), weight, by_colour)

    def of_stars(self, chosen: BoolArray) -> "Deviations":
        """Those of some of the stars, by a mask (n_stars,)."""
        return Deviations(self.value[chosen], self.weight[chosen], self.by_colour[chosen])

    def without(self, component: Component) -> "Deviations":
        """What a component leaves, with each star's coefficient as expected and as fitted."""
        return self._less(component)[0]

    def gains(self, component: Component) -> FloatArray:
        """(n_stars,) by how much chi2 is less with a component, per measurement; no unit.

        Each measurement is predicted by the star's others: what a measurement has pulled the
        coefficient along is undone by its leverage. NaN where a component by colour says nothing of
        a star, as its colour is unknown.
        """
        left, total = self._less(component)
        leverage = self.weight * component.of_images**2 / total[:, None]
        predicted = left.value / np.maximum(1 - leverage, 1e-3)
        n = np.maximum((self.weight > 0).sum(axis=1), 1)
        gains = (self.weight * (self.value**2 - predicted**2)).sum(axis=1) / n
        is_told = np.isfinite(self.by_colour) | (not component.is_by_colour)
        return np.where(is_told, gains, np.nan)

    def _less(self, component: Component) -> tuple["Deviations", FloatArray]:
        """What a component leaves, and the inverse variances (n_stars,) of the coefficients."""
        expected, variance = component.expected(self.by_colour)
        information = _information(self, component.of_images)
        across = information * _coefficients(self, component.of_images) + expected / variance
        total = information + 1 / variance
        left = self.value - np.outer(across / total, component.of_images)
        value = np.where(self.weight > 0, left, 0)
        return Deviations(value, self.weight, self.by_colour), total


def strongest_component(stars: Deviations) -> Component:
    """The component of mag on images that explains most, whatever the stars' coefficients.

    Tamuz, Mazeh & Zucker 2005, MNRAS 356, 1466, equations 2 and 4.
    """
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
    return Component(of_images, usual, _spread(coefficients - usual, errors))


def component_by_colour(stars: Deviations) -> Component:
    """The component that goes with colour: on each image the slope of mag with stars' colours.

    What all stars share on an image has no part in it. Coefficients are those that colours make,
    and scatter about them as stars show.
    """
    known = np.isfinite(stars.by_colour)
    value, weight, colour = stars.value[known], stars.weight[known], stars.by_colour[known]
    total, first, second = (weight.T @ colour**power for power in (0, 1, 2))
    middle, across = (weight * value).sum(axis=0), (weight * value).T @ colour
    below = total * second - first**2
    is_told = below > 1e-9 * np.maximum(total, 1) ** 2
    of_images = np.where(is_told, total * across - first * middle, 0) / np.where(is_told, below, 1)
    if not np.any(of_images):
        of_images = np.ones(value.shape[1]) * 1e-6
    told = stars.of_stars(known)
    errors = 1 / np.sqrt(_information(told, of_images))
    spread = _spread(_coefficients(told, of_images) - colour, errors)
    return Component(of_images, 0.0, min(spread, 1.0), is_by_colour=True)


def supported_gain(gains: FloatArray) -> float:
    """The mean of gains (n,) that are known, over all n, without a unit; 0 if they may be chance.

    They are more where their mean is more than nothing by MIN_GAIN standard errors, and most are.
    """
    known = gains[np.isfinite(gains)]
    if len(known) == 0:
        return 0.0
    # A few stars with a common fault gain most: each counts for as much as nineteen in twenty do.
    low, high = np.percentile(known, (5, 95))
    bounded = np.clip(known, low, high)
    error = bounded.std() / np.sqrt(len(known))
    is_supported = bounded.mean() > MIN_GAIN * error and np.median(known) > 0
    return float(bounded.sum() / len(gains)) if is_supported else 0.0


def _spread(off: FloatArray, errors: FloatArray) -> float:
    """The standard deviation of coefficients (n,) beyond their errors (n,)."""
    pulls = MAD_TO_SIGMA * np.median(np.abs(off))
    return float(np.sqrt(max(pulls**2 - np.median(errors) ** 2, LEAST_VARIANCE)))


def _information(stars: Deviations, of_images: FloatArray) -> FloatArray:
    """(n,) inverse variances of the coefficients."""
    return np.maximum(stars.weight @ of_images**2, 1e-12)


def _coefficients(stars: Deviations, of_images: FloatArray) -> FloatArray:
    """(n,) of each star by its own measurements alone."""
    across = (stars.weight * stars.value) @ of_images
    result: FloatArray = across / _information(stars, of_images)
    return result
