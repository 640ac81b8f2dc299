"""The sky that a forced fit finds beside its stars, which absorb a share of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from exposures.science.arrays import FloatArray, Shape
from photometry.science.forced.forced_residual import box_means, left_over_sky
from photometry.science.forced.forced_system import NormalEquations, PlacedStars
from photometry.science.psf.stamps import add_profiles_to_each

LEVEL_STEP = 2  # between the rows and columns that tell of the level of the sky
LEAST_SEEN = 0.2  # share of the sky that stars leave; where it is less, rounds take the rest
TOLERANCE = 1e-2  # sigma, root mean square, of equations that need not be exact


class SkyBoxes(NamedTuple):
    """Boxes in which the sky is measured; sides in pixels."""

    pixels: int  # that follow it
    level_pixels: int  # that have its level
    min_pixels: int  # usable ones, for a box to have a value of its own


@dataclass(frozen=True)
class Sky:
    """The sky found so far; (ny, nx) float32 ADU."""

    level: np.ndarray  # in large boxes
    fine: np.ndarray  # what small boxes have beside it

    @cached_property
    def image(self) -> np.ndarray:
        """(ny, nx) ADU."""
        return self.level + self.fine


@dataclass(frozen=True)
class SeenSky:
    """Shares of a sky that is not subtracted which stars do not absorb; (ny, nx) float32.

    In a crowded field they absorb half of it: an error e of the sky leaves ``share`` e. If that
    were taken for all of it, each round of the fit would find a part only, and the faintest stars
    would keep the rest.
    """

    boxes: SkyBoxes
    share: np.ndarray
    # Means of it in boxes: the median of noise rises by the mean of what is added, if that is less.
    fine: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, absorbed: FloatArray, weight: FloatArray, boxes: SkyBoxes) -> Self:
        """What stars leave of a sky of 1 of which their light has ``absorbed`` (ny, nx).

        ``weight`` (ny, nx) is that of the image, ADU^-2.
        """
        share = np.subtract(1, absorbed, out=absorbed)
        sides = boxes.pixels, boxes.level_pixels
        means = [box_means(share, weight, side) for side in sides]
        for surface in means:
            np.clip(surface, LEAST_SEEN, 1, out=surface)
        return cls(boxes, share, *means)

    def whole_sky(self, residual: FloatArray, before: Sky | None, weight: FloatArray) -> Sky:
        """The Sky where stars left ``residual`` after subtraction of the one ``before``, if any.

        ``residual`` (ny, nx) is in ADU, and ``weight`` in ADU^-2. Small boxes follow the sky. What
        they leave in large ones belongs to its level: medians of small ones, which have few pixels
        free of stars, are too low together.
        """
        boxes = self.boxes
        # In place where it can be: to get memory for a chip takes longer than to fill it.
        left = residual.copy() if before is None else residual - before.image
        level = self._level(left, weight)
        if before is None:
            seen = level * self.share
        else:
            level += before.level
            seen = level - before.image
            seen *= self.share
        left -= seen
        fine = left_over_sky(left, weight, boxes.pixels, boxes.min_pixels)
        fine /= self.fine
        left -= np.multiply(self.share, fine, out=seen)
        level += self._level(left, weight)
        return Sky(level, fine)

    def _level(self, left: FloatArray, weight: FloatArray) -> FloatArray:
        """The sky in large boxes of which stars have left ``left``."""
        boxes = self.boxes
        seen = left_over_sky(left, weight, boxes.level_pixels, boxes.min_pixels, LEVEL_STEP)
        seen /= self.level
        return seen


def absorbed_sky(system: NormalEquations) -> FloatArray:
    """(n,) fluxes with which stars are fitted to a sky of 1 ADU, by their NormalEquations; ADU."""
    return system.of_sky().solve(np.zeros(len(system.error)), TOLERANCE)


def light_of(placed: PlacedStars, flux: FloatArray, shape: Shape) -> FloatArray:
    """(ny, nx) float32 light of PlacedStars with fluxes (n,), in their order; ADU."""
    return lights_of(placed, flux[None], shape)[0]


def lights_of(placed: PlacedStars, fluxes: FloatArray, shape: Shape) -> tuple[FloatArray, ...]:
    """(ny, nx) float32 light of PlacedStars, for each of k sets of fluxes (k, n); ADU."""
    lights = tuple(np.zeros(shape, np.float32) for _ in fluxes)
    add_profiles_to_each(lights, placed.squares, fluxes.astype("f4"), placed.profiles)
    return lights
