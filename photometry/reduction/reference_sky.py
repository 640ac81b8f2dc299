"""What references have beside their sources, brought to a search image."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exposures.science.astrometry import fit_polynomial, mutual_neighbours, n_terms
from photometry.science.calibration.calibration import (
    CalibrationStars,
    fit_magnitude_correction,
    magnitudes,
)
from photometry.science.detection.clean import has_no_flag
from photometry.science.reference_sky import ReferenceSky, is_turned, structure_of
from photometry.science.stacking.resampling import SmoothMap

MATCH_PIXELS = 1.0  # of a reference's star with what was found on the image


@dataclass(frozen=True)
class SkyBeside:
    """What references have beside their sources, as a search image has it."""

    light: np.ndarray | None = None  # (ny, nx) float32 ADU of the image; None for nothing
    images: tuple[int, ...] = ()  # the references it comes from

    def subtracted_from(self, image):
        """A WeightedImage without it."""
        return image if self.light is None else image._replace(data=image.data - self.light)

    def added_to(self, model):
        """(ny, nx) ADU of a model of the image without it, and it."""
        return model if self.light is None else model + self.light


def reference_sky(reduction, fit) -> ReferenceSky:
    """The ReferenceSky of a reference's Reduction, beside the sources of its ForcedFit."""
    weight = reduction.model_weight
    left = np.where(weight > 0, reduction.data - fit.model, 0).astype(np.float32)
    structure = structure_of(left, weight, reduction.fwhm_pixels)
    return ReferenceSky(left + fit.sky, reduction.detections.psf, structure)


class _Stars(NamedTuple):
    """Sources of one reference on a search image; (n,)."""

    rows: np.ndarray
    x: np.ndarray  # pixels of the search image
    y: np.ndarray


def sky_beside(reduction, sources, place, skies, options, notes) -> SkyBeside:
    """The SkyBeside of references on a search image.

    ``sources`` are the references' rows, ``place`` is their x and y (n,) on the image, ``skies``
    has the ReferenceSky of each image that is a reference, by its number. One that can't be
    brought to the image is left out, and ``notes`` say so.
    """
    light, covered, images = None, None, []
    for image_id, sky in skies.items():
        stars = _stars_of(image_id, sources, place, reduction.chip.shape)
        try:
            here, covers = _brought(sky, reduction, stars, options)
        except _NotBroughtError as reason:
            notes.append(f"reference sky: that of image {image_id} is not subtracted, as {reason}")
            continue
        # Where references overlap, the first's.
        light = here if light is None else np.where(covered, light, here)
        covered = covers if covered is None else covered | covers
        images.append(image_id)
    return SkyBeside(light, tuple(images))


class _NotBroughtError(Exception):
    """Why a sky can't be brought to an image."""


def _stars_of(image_id, sources, place, shape):
    x, y = place
    with np.errstate(invalid="ignore"):
        own = (sources["galimage_id"] == image_id) & (x > 0) & (x < shape[1] - 1)
        own &= (y > 0) & (y < shape[0] - 1)
    return _Stars(sources[own], x[own], y[own])


def _brought(sky, reduction, stars, options):
    """Light in ADU of the image and where the reference covers it, both (ny, nx)."""
    shape, registration = reduction.chip.shape, options.registration
    if len(stars.x) < registration.stars_per_term * n_terms(1):
        raise _NotBroughtError(f"{len(stars.x)} of its sources are here")
    dx, dy = (stars.rows[name] - at for name, at in (("x", stars.x), ("y", stars.y)))
    to_reference = fit_polynomial(stars.x, stars.y, dx, dy, shape, registration)
    if is_turned(to_reference):
        raise _NotBroughtError("it is turned to this one")
    scale = _scale(reduction, stars, options)
    if scale.order < 0:
        raise _NotBroughtError("no bright star of it was found here")
    factor = SmoothMap.of(lambda x, y: 10 ** (0.4 * scale.at(x, y, np.zeros(len(x), int))), shape)
    light, covered = sky.seen_on(to_reference, reduction.detections.psf, shape)
    return light * factor.rows(0, *shape).astype(np.float32), covered


def _scale(reduction, stars, options):
    """The Correction from magnitudes on the image to those on the reference, by fluxes alone.

    By what was found on the image, whose sources have not been fitted yet.
    """
    found = reduction.detections
    bright = found.bright(options.min_significance, options.clean)
    good = np.flatnonzero(has_no_flag(stars.rows, options.clean) & (stars.rows["flux"] > 0))
    index, index0 = mutual_neighbours(
        found.x[bright], found.y[bright], stars.x[good], stars.y[good], MATCH_PIXELS
    )
    here, there = bright[index], stars.rows[good[index0]]
    mag, mag_err = magnitudes(found.flux[here], found.flux_err[here], 0.0)
    reference_mag, reference_err = magnitudes(there["flux"], there["flux_err"], 0.0)
    error = np.hypot(np.hypot(mag_err, reference_err), options.calibration.error_floor)
    shared = CalibrationStars(
        found.x[here], found.y[here], reference_mag - mag, error, np.zeros(len(here), int)
    )
    return fit_magnitude_correction(shared, reduction.chip.shape, options.calibration)
