"""The bright sources and the PSF of a search image, by the stars that its reference has."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from exposures.science.arrays import FloatArray
from exposures.science.astrometry import (
    PixelCorrection,
    fit_pixel_correction,
    header_pixels,
    pixel_scale_arcsec,
)
from exposures.science.registration import StarList, register_on_image
from photometry.reduction.added_sources import is_added
from photometry.reduction.options import ReductionOptions
from photometry.science.detection.clean import has_no_flag, is_clean
from photometry.science.detection.detection import Detections
from photometry.science.guided.choice import ReferenceStars
from photometry.science.guided.guided_fit import FitSettings, UnguidedError, fit_listed
from photometry.science.guided.peaks import bright_peaks
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.seeing import estimate_fwhm
from photometry.science.weighted_image import WeightedImage, usual_noise

LEAST_SHARE = 1e-3  # of the median flux, that every source has
REGISTERED_STARS = 3000  # and peaks at most that are matched, the brightest


@dataclass(frozen=True)
class Guide:
    """The sources of the references under a search image, where its header's WCS has them."""

    sources: np.ndarray  # (n,) rows of galsources
    ra: np.ndarray  # (n,) ICRS degrees at the epoch of the image
    dec: np.ndarray
    x: np.ndarray  # (n,) pixels by the header; NaN where it has none
    y: np.ndarray

    @classmethod
    def of(cls, chip, sources: np.ndarray, ra: FloatArray, dec: FloatArray) -> Self:
        """The Guide of a Chip by sources (n,) that are at ``ra, dec`` (n,) degrees."""
        return cls(sources, ra, dec, *header_pixels(chip.wcs, ra, dec))

    def pixels(self, wcs, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Pixels by a RefinedWcs of the same header; known already where they are its own."""
        if ra is self.ra and dec is self.dec:
            return wcs.correction.undo(self.x, self.y)
        return wcs.to_pixels(ra, dec)


def guided_sources(chip, data, guide: Guide, options: ReductionOptions) -> Detections:
    """The bright sources and the PSF of a Chip by its Guide, as Detections with their ``peaks``.

    ``data`` (ny, nx) are its pixels in ADU without the sky.

    Raises UnguidedError where it can't be told by these stars.
    """
    guided = options.guided
    usable = chip.weight > 0
    noise = usual_noise(chip.weight)
    fwhm = estimate_fwhm(data, chip.weight, noise, options.psf)
    if not np.isfinite(fwhm):
        raise UnguidedError("there are too few bright peaks to tell the seeing")
    # A chip's pixels are defined, or a single one would be everywhere.
    pixels, weight = (np.ascontiguousarray(a, np.float32) for a in (data, chip.weight))
    image = WeightedImage(pixels, weight, chip.mask)
    peaks = bright_peaks(image.data, image.weight, guided.peak_sigma * noise, fwhm)
    registration = _registration(chip, guide, peaks, usable, options)
    x, y = registration.apply(guide.x, guide.y)
    listed = _listed(guide.sources, x, y, chip.shape, options)
    settings = FitSettings(guided, options.search_detection, options.registration)
    found = fit_listed(image, noise, listed, ChipPsf.round(fwhm, options.psf), settings)
    return found.seen_as(peaks)


def _registration(chip, guide, peaks, usable, options) -> PixelCorrection:
    """The PixelCorrection from where the header has the sources to the peaks."""
    fit, n = options.registration, REGISTERED_STARS
    reach = fit.search_arcsec / pixel_scale_arcsec(chip.wcs, chip.shape)
    sources = guide.sources
    bright = sources["flux"] > options.min_significance * sources["flux_err"]
    bright &= _is_first(sources) & has_no_flag(sources, options.clean)
    bright &= _is_near(guide.x, guide.y, chip.shape, reach)
    magnitudes = np.where(bright, sources["mag"], np.nan).astype("f8")
    chosen = np.argsort(magnitudes, kind="stable")[: min(n, int(bright.sum()))]
    expected = StarList(
        guide.x[chosen], guide.y[chosen], magnitudes[chosen], np.ones(len(chosen), bool)
    )
    clean = peaks.select(peaks.is_clean).limited_to(n)
    near = fit_pixel_correction(expected.x, expected.y, clean.x, clean.y, chip.shape, fit)
    registration, agreed = register_on_image(
        near, expected, peaks.limited_to(n), usable, reach, fit
    )
    if registration.order < 0 or not agreed.is_registered(fit):
        raise UnguidedError("its bright peaks are not where the reference has stars")
    return registration


def _is_near(x, y, shape, margin):
    """(n,) whether positions are on an image or within a margin of it, in pixels; not at NaN."""
    with np.errstate(invalid="ignore"):
        near = (x > -margin) & (x < shape[1] + margin)
        return near & (y > -margin) & (y < shape[0] + margin)


def _is_first(sources):
    """(n,) which sources the reference had from the start.

    Those that were added to it since change nothing of what is measured of the others.
    """
    return ~is_added(sources)


def _listed(sources, x, y, shape, options) -> ReferenceStars:
    """The ReferenceStars that have light on an image."""
    near = _is_near(x, y, shape, options.search_detection.max_half_pixels)
    near = np.flatnonzero(near & _is_first(sources))
    if len(near) == 0:
        raise UnguidedError("no star of the reference is here")
    rows = sources[near]
    flux = np.maximum(rows["flux"], LEAST_SHARE * np.median(rows["flux"])).astype("f8")
    return ReferenceStars(x[near], y[near], flux, is_clean(rows, options.clean))
