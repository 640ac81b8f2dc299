"""Images of saturated stars with wings that no PSF of faint stars has, and bleed trails."""

import numpy as np

from exposures.chip import MaskBit
from photometry.science.bright_stars.wings import MeasuredStars
from photometry.science.weighted_image import WeightedImage

SIDE, FWHM, NOISE, SATURATION = 300, 4.0, 10.0, 40_000.0


def wing_light(radius, flux):
    """ADU a pixel of a star's wings, which fall as r^-2.5."""
    return 0.01 * flux * np.maximum(radius, 1.0) ** -2.5


class SaturatedField:
    """Noise, to which stars and trails are added; what saturates has no weight."""

    def __init__(self, seed=1):
        self.light = np.random.default_rng(seed).normal(0, NOISE, (SIDE, SIDE))
        self.y, self.x = np.indices((SIDE, SIDE))

    def add(self, x, y, flux):
        """A star with wings at a place in pixels; returns the field."""
        radius = np.hypot(self.x - x, self.y - y)
        sigma = FWHM / 2.3548
        core = np.exp(-0.5 * (radius / sigma) ** 2) / (2 * np.pi * sigma**2)
        self.light += flux * core + wing_light(radius, flux)
        return self

    def add_trail(self, x, y, length, level):
        """A bleed trail of unsaturated pixels along a row from a place on; returns the field."""
        self.light[y - 1 : y + 2, x : x + length] += level
        return self

    @property
    def image(self):
        """The field as a WeightedImage."""
        saturated = self.light > SATURATION
        mask = np.where(saturated, int(MaskBit.SATURATED), 0).astype("u1")
        return WeightedImage(self.light, np.where(saturated, 0, 1 / NOISE**2), mask)


def grid_of_stars(flux, flux_err, step=5):
    """MeasuredStars of one flux all over a field."""
    y, x = (z.ravel().astype("f8") for z in np.mgrid[:SIDE:step, :SIDE:step])
    return MeasuredStars(x, y, np.full(len(x), flux), np.full(len(x), flux_err))
