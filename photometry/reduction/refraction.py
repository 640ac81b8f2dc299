"""The differential refraction of a search image, by the colours of published stars."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray
from exposures.science.astrometry import mutual_neighbours
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.science.refraction import Refraction, fit_refraction


@dataclass(frozen=True)
class SourcesAtEpoch:
    """What is known of n reference sources at the epoch of an image, beside their rows."""

    ra: np.ndarray  # (n,) ICRS degrees
    dec: np.ndarray  # (n,) ICRS degrees
    colours: np.ndarray  # (n,) mag, Gaia's BP - RP of the stars that they are; NaN where unknown

    @classmethod
    def as_on_reference(cls, sources: np.ndarray) -> "SourcesAtEpoch":
        """Sources, rows of galsources, where they are on their reference, of unknown colours."""
        return cls(sources["ra"], sources["dec"], np.full(len(sources), np.nan))


@dataclass(frozen=True)
class RefractedStars:
    """The Refraction of an image, and what it does to n sources."""

    refraction: Refraction
    dx: np.ndarray  # (n,) pixels, 0 for those of unknown colour
    dy: np.ndarray

    def select(self, index: BoolArray) -> "RefractedStars":
        """What it does, in pixels, to a selection by a mask (n,)."""
        return RefractedStars(self.refraction, self.dx[index], self.dy[index])


def refracted(
    reduction: Reduction,
    by_wcs: tuple[FloatArray, FloatArray],
    registered: tuple[FloatArray, FloatArray],
    significant: BoolArray,
    matched: FloatArray,
    options: ReductionOptions,
) -> RefractedStars:
    """The RefractedStars of n sources that an image is registered to.

    ``by_wcs`` and ``registered`` are pixels x and y (n,) of the sources by its WCS and by its
    registration. Their colours are those of the stars that they are ``matched`` with, (n,) mag, NaN
    where that is not known; else those of the catalogue's stars in their places, and of
    ``significant`` (n,) ones alone. No shift without either.
    """
    placed = _placed_colours(reduction, by_wcs, significant, options)
    colours = np.where(np.isfinite(matched), matched, placed)
    known = np.flatnonzero(np.isfinite(colours))
    found = reduction.detections
    bright = found.bright(options.min_significance, options.clean)
    x, y = (values[known] for values in registered)
    source, star = mutual_neighbours(
        x, y, found.x[bright], found.y[bright], options.registration.match_pixels
    )
    refraction = fit_refraction(
        found.x[bright][star] - x[source],
        found.y[bright][star] - y[source],
        colours[known[source]],
        options.refraction,
    )
    return RefractedStars(refraction, *refraction.shift(colours))


def _placed_colours(
    reduction: Reduction,
    by_wcs: tuple[FloatArray, FloatArray],
    significant: BoolArray,
    options: ReductionOptions,
) -> FloatArray:
    """(n,) mag; NaN where unknown."""
    colours = np.full(len(significant), np.nan)
    stars = reduction.catalogue_stars
    if stars is None or reduction.wcs.correction.order < 0:
        return colours
    star_x, star_y = reduction.wcs.to_pixels(stars.ra, stars.dec)
    placed = np.flatnonzero(np.isfinite(star_x) & np.isfinite(star_y))
    chosen = np.flatnonzero(significant & np.isfinite(by_wcs[0] + by_wcs[1]))
    x, y = (values[chosen] for values in by_wcs)
    source, star = mutual_neighbours(
        x, y, star_x[placed], star_y[placed], options.motions.match_pixels
    )
    colours[chosen[source]] = stars.colours[placed[star]]
    return colours
