"""The errors of a reference's own fluxes, by a parametric bootstrap of its image.

No other image tells them yet. The model of the image, as if it were the truth, gets noise anew; it
is searched and measured as the image was, and what differs from the model is the error: of photons,
of positions that were fitted to noise, and of blends that are divided otherwise. The PSF stays that
of the image: what is wrong with it is nearly the same for all stars, and calibration takes it away.
(Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 6.5.)
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from photometry.reduction.errors import WING_EXPONENT
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.calibration.error_model import (
    Differences,
    ErrorModel,
    ImageErrors,
    fit_error_model,
)
from photometry.science.calibration.halos import Wings
from photometry.science.detection.detection import find_sources
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.weighted_image import WeightedImage

SEED = 1  # the same image has the same errors
SIDE_PIXELS = 1024  # of the part in the middle that is drawn anew: it tells as much as all
MATCH_PIXELS = 1.0


def reference_errors(reduction, rows, fit, options) -> ImageErrors:
    """The ImageErrors of a reference whose ``rows`` have the ForcedFit ``fit``.

    With too few stars they are those of the fit, and the floor.
    """
    errors = ImageErrors(ErrorModel(), Wings(reduction.fwhm_pixels, WING_EXPONENT))
    flux, flux_err = rows["flux"].astype("f8"), rows["flux_err"].astype("f8")
    place = rows["x"].astype("f8"), rows["y"].astype("f8")
    near = errors.surroundings(rows, place, flux, flux_err)
    floor = options.calibration.error_floor
    member, measured = _measured_again(reduction, rows, fit, options)
    clean = (rows["flags"][member] == 0) & (rows["quality"][member] > options.clean.min_quality)
    member, measured = member[clean], measured[clean]
    nothing = np.zeros(len(member))
    measured = measured / common_factor(measured / flux[member], flux[member] / flux_err[member])
    differences = Differences(
        measured - flux[member], flux[member], flux_err[member], nothing, near.select(member)
    )
    model = fit_error_model(differences, floor, options.errors)
    # What the model image has no more of than its stars: halos that a PSF does not explain.
    return replace(errors, model=replace(model, halo=max(model.halo, options.errors.halo)))


def fitted_errors(reduction, options) -> ImageErrors:
    """The ImageErrors of a reference whose sky is subtracted from search images: those of its fit.

    Where its sources lie, and what of a blend or the nebula is called whose, is the same on all of
    its images then, and wrong on none against another.
    """
    model = ErrorModel(floor=options.errors.least_floor / MAG_PER_LN, halo=options.errors.halo)
    return ImageErrors(model, Wings(reduction.fwhm_pixels, WING_EXPONENT))


def common_factor(ratio, weight):
    """The median of ratios (n,) of fluxes by ``weight`` (n,); 1 without any.

    It is no error of a star: calibration takes it from all stars alike. Faint stars, which blends
    make brighter, have little weight.
    """
    known = np.isfinite(ratio)
    if not known.any():
        return 1.0
    return float(np.quantile(ratio[known], 0.5, weights=weight[known], method="inverted_cdf"))


def _measured_again(reduction, rows, fit, options):
    """Indices (m,) of rows found again on an image drawn anew, and their fluxes (m,) there, ADU."""
    window = tuple(_middle(side) for side in reduction.chip.shape)
    drawn = _drawn(reduction, fit, window)
    image = WeightedImage(drawn, reduction.chip.weight[window], reduction.chip.mask[window])
    top, left = window[0].start, window[1].start
    psf = reduction.detections.psf.seen_from(left, top)
    found = find_sources(*image, float(reduction.fwhm_pixels), options.reference_detection, psf)
    if len(found) == 0:
        return np.zeros(0, int), np.zeros(0)
    share = np.maximum(found.flux, found.flux_err)
    stars = ForcedStars(found.x, found.y, share, np.zeros(len(found), int))
    weight = reduction.model_weight[window]
    again = fit_fluxes(image._replace(weight=weight), found.psf, stars, options.forced)
    tree = cKDTree(np.column_stack([found.x + left, found.y + top]))
    distance, nearest = tree.query(np.column_stack([rows["x"], rows["y"]]))
    near = np.flatnonzero(distance < MATCH_PIXELS)
    return near, again.flux[nearest[near]]


def _middle(side):
    start = max((side - SIDE_PIXELS) // 2, 0)
    return slice(start, start + min(side, SIDE_PIXELS))


def _drawn(reduction, fit, window):
    """The model in a window of the image with noise anew, float32 ADU without the sky."""
    sky, columns = reduction.sky.image[window], window[1]
    gain = reduction.chip.gain_map()[columns]
    read_noise = reduction.chip.read_noise_map()[columns]
    rng = np.random.default_rng(SEED)
    electrons = rng.poisson(np.clip((fit.model[window] + sky) * gain, 0, 1e9))
    noise = rng.normal(0, 1, sky.shape) * read_noise
    return ((electrons + noise) / gain - sky).astype("f4")
