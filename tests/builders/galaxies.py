"""Galaxies among stars, as a search for stars takes them apart."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from photometry.science.detection.detection import DetectionOptions, find_sources
from photometry.science.extended_sources import PointSources
from photometry.science.forced.forced import ForcedFit, ForcedStars, fit_fluxes
from photometry.science.psf.psf import ChipPsf
from photometry.science.weighted_image import WeightedImage
from tests.builders.crowded_scene import Scene, observe

SHAPE = (150, 150)
FWHM = 4.0  # pixels
RADIUS = 7.6  # pixels, 2 arcsec of DECam
GALAXY = (75.3, 70.6)  # x, y


@dataclass(frozen=True)
class SearchedScene:
    """A Scene with the sources that a search finds on it, and the fit of them."""

    scene: Scene
    fit: ForcedFit
    sources: PointSources

    @property
    def left(self):
        """What the fit leaves over, as a WeightedImage."""
        return self.scene.image._replace(data=self.scene.data - self.fit.model)

    def is_near(self, position, radius=RADIUS):
        """(n,) whether sources are within ``radius`` pixels of an x and y."""
        x, y = self.sources.x, self.sources.y
        return np.hypot(x - position[0], y - position[1]) < radius


def psf():
    return ChipPsf.round(FWHM)


def some_stars(n=25, seed=3):
    """x, y and flux of stars of S/N 30 to 600 that keep off the galaxy and the edges."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(15, SHAPE[0] - 15, (2, 4 * n))
    away = np.flatnonzero(np.hypot(x - GALAXY[0], y - GALAXY[1]) > 20)[:n]
    return x[away], y[away], 10 ** rng.uniform(3.5, 4.8, n)


def exponential_disk(flux, scale, seed=4, n=3000):
    """x, y and flux of the many points that make up a disk with a scale length in pixels."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.gamma(2, scale, n), rng.uniform(0, 2 * np.pi, n)
    x = GALAXY[0] + radius * np.cos(angle)
    return x, GALAXY[1] + 0.7 * radius * np.sin(angle), np.full(n, flux / n)


def searched(*light, seed=5) -> SearchedScene:
    """The sources that are found where there is ``light``, each x, y and flux of points."""
    scene = observe([np.concatenate(c) for c in zip(*light, strict=True)], psf(), SHAPE, seed)
    image = WeightedImage(*(a.copy() for a in scene.image))
    found = find_sources(*image, FWHM, DetectionOptions())
    share = np.maximum(found.flux, found.flux_err)
    stars = ForcedStars(found.x, found.y, share, np.zeros(len(found), int))
    fit = fit_fluxes(scene.image, psf(), stars)
    return SearchedScene(scene, fit, PointSources(found.x, found.y, fit.flux))


@cache
def galaxy_among_stars() -> SearchedScene:
    """A galaxy of S/N 300, its disk with a scale length of 0.7 arcsec of DECam, and 25 stars."""
    nucleus = [np.array([value]) for value in (*GALAXY, 1e4)]
    return searched(some_stars(), exponential_disk(1e5, 2.7), nucleus)
