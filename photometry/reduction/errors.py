"""The errors of an image's fluxes, from their differences to what the reference predicts."""

from dataclasses import dataclass

import numpy as np

from photometry.reduction.added_sources import is_added
from photometry.science.calibration.calibration import MAG_PER_LN, with_floor
from photometry.science.calibration.error_model import (
    Differences,
    ErrorModel,
    ImageErrors,
    Surroundings,
    fit_error_model,
)
from photometry.science.calibration.error_scale import chi2_of, error_scale
from photometry.science.calibration.halos import Wings, neighbours_light
from photometry.science.detection.clean import has_no_flag, is_well_measured
from photometry.science.forced.forced import ForcedFit

# Of the wings' profile, flatter than a PSF's: what a PSF leaves of a bright star falls slowly.
WING_EXPONENT = 2.5
# mag; chi2/nu and the expansion of images are told with it, whatever the errors are, so that images
# of all years compare.
USUAL_FLOOR = 0.01
UNKNOWN = "uncertainties: too few stars to test them; as fitted"


@dataclass(frozen=True)
class PlacedFit:
    """Sources on an image, (n,): rows of their reference, places in pixels, fit and expectation."""

    sources: np.ndarray
    x: np.ndarray
    y: np.ndarray
    fit: ForcedFit
    expected: np.ndarray  # ADU, what the reference predicts on this image
    zero_point_err: np.ndarray  # mag, of the local zero point


@dataclass(frozen=True)
class MeasuredErrors:
    """The errors of an image, and of n sources on it."""

    image: ImageErrors
    flux_err: np.ndarray  # (n,) ADU
    scale: float  # errors of faint stars over those of the fit
    chi2_nu: float  # with the errors of the fit and the floor; NaN with too few stars


def expected_flux(mag, zero_point):
    """(n,) fluxes in ADU of magnitudes ``mag`` (n,) where ``zero_point`` (n,) mag is that of 1."""
    return 10 ** (-0.4 * (np.asarray(mag, "f8") - zero_point))


def measured_errors(placed, fwhm_pixels, options, notes) -> MeasuredErrors:
    """The MeasuredErrors of a PlacedFit, by ReductionOptions; fallbacks are added to ``notes``."""
    fit, sources, expected = placed.fit, placed.sources, placed.expected
    good = has_no_flag(sources, options.clean) & is_well_measured(fit, options.clean)
    wings = Wings(fwhm_pixels, WING_EXPONENT) if options.errors.by_star else None
    place = placed.x, placed.y
    # What is added to a reference later changes no error of the others.
    light = neighbours_light(wings, place, expected, fit.flux_err, ~is_added(sources))
    near = Surroundings.of(sources, light)
    floor = options.calibration.error_floor
    usual = max(floor, USUAL_FLOOR) if options.errors.by_star else floor
    pulls = _pulls(placed, good, usual)
    chi2_nu = chi2_of(*pulls, options.calibration)
    if np.isnan(chi2_nu):
        notes.append(UNKNOWN)
    if options.errors.by_star:
        differences = Differences(
            fit.flux - expected,
            expected,
            fit.flux_err,
            expected * np.hypot(sources["mag_err"], placed.zero_point_err) / MAG_PER_LN,
            near,
        )
        model = fit_error_model(differences.select(good), floor, options.errors)
    else:
        scale, _ = error_scale(*pulls, options.calibration)
        model = ErrorModel(factor=scale, floor=scale * floor / MAG_PER_LN)
    flux_err = model.flux_errors(fit.flux, fit.flux_err, near)
    flux_err = with_zero_point_error(flux_err, fit.flux, placed.zero_point_err)
    if options.errors.by_star:
        scale = _of_faint_stars(flux_err, fit.flux_err, expected, good)
    return MeasuredErrors(ImageErrors(model, wings), flux_err, scale, chi2_nu)


def with_zero_point_error(flux_err, flux, zero_point_err):
    """(n,) errors of fluxes (n,) in ADU with that of the zero point, (n,) mag, in quadrature."""
    return np.hypot(flux_err, np.maximum(flux, 0) * zero_point_err / MAG_PER_LN)


def _pulls(placed, good, floor):
    """Differences and errors, of the image and of the reference, of ``good`` (n,) sources; mag.

    Of those with a positive flux; ``floor`` is that of the image's errors.
    """
    fit, sources, expected = placed.fit, placed.sources, placed.expected
    with np.errstate(invalid="ignore", divide="ignore"):
        positive = good & (fit.flux > 0)
        difference = -2.5 * np.log10(fit.flux[positive] / expected[positive])
        photons = MAG_PER_LN * fit.flux_err[positive] / fit.flux[positive]
    return difference, with_floor(photons, floor), sources["mag_err"][positive]


def _of_faint_stars(flux_err, fitted_err, expected, good) -> float:
    """The median ratio of errors to those of the fit, of the fainter half of ``good`` stars."""
    known = good & np.isfinite(flux_err) & (fitted_err > 0)
    if not known.any():
        return 1.0
    faint = known & (expected <= np.median(expected[known]))
    return float(np.median(flux_err[faint] / fitted_err[faint]))
