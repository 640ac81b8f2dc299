"""The errors of a reference's own fluxes, by a parametric bootstrap of its image.

No other image tells them yet. The model of the image, as if it were the truth, gets noise anew and
is searched; what the fit has of this noise in the places that were found is the error. What these
places, and blends that are divided otherwise, do to the light of the model itself is no part of it:
all images are measured in the reference's places, so that it is in none of their differences.
The PSF stays that of the image: what is wrong with it is nearly the same for all stars, and
calibration takes it away. (Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 6.5.)
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
    member, noise = _noise_measured(reduction, rows, fit, options)
    clean = (rows["flags"][member] == 0) & (rows["quality"][member] > options.clean.min_quality)
    member, noise = member[clean], noise[clean]
    nothing = np.zeros(len(member))
    signal = flux[member] / flux_err[member]
    factor = common_factor(1 + noise / flux[member], signal)
    difference = (flux[member] + noise) / factor - flux[member]
    differences = Differences(
        difference, flux[member], flux_err[member], nothing, near.select(member)
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


def _noise_measured(reduction, rows, fit, options):
    """Indices (m,) of rows found again on an image drawn anew, and what its noise adds, (m,) ADU.

    The fit is linear: of the noise alone it has what it has of the image, less what it would have
    of one without noise in the same places. These follow the noise, so that it adds more
    than the errors of the fit say.
    """
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
    noise = image._replace(data=drawn - fit.model[window], weight=reduction.model_weight[window])
    again = fit_fluxes(noise, found.psf, stars, options.forced)
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
