"""Measurement of a reference image, whose sources become its catalogue."""

from dataclasses import dataclass

import numpy as np

from photometry.reduction.bright_stars import wing_flags
from photometry.reduction.extended_sources import extended_flags
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reference_sky import reference_sky
from photometry.references.own_errors import fitted_errors, reference_errors
from photometry.science.bright_stars.wings import MeasuredStars
from photometry.science.calibration.calibration import MAG_PER_LN, magnitudes, with_floor
from photometry.science.calibration.error_model import ErrorModel, ImageErrors
from photometry.science.forced.forced import ForcedFit, ForcedStars, fit_fluxes
from photometry.science.reference_sky import ReferenceSky
from photometry.storage.columns import source_rows


@dataclass(frozen=True)
class ReferenceMeasurement:
    """Sources of a reference image, what gave them their errors, and what is beside them."""

    sources: np.ndarray  # rows of galsources, without ids
    errors: ImageErrors
    sky: ReferenceSky
    fit: ForcedFit  # of all that was found, also what is no source


def measure_reference(reduction, options=ReductionOptions()):
    """Rows of galsources, without ids, for the sources that a Reduction found."""
    return measure_reference_errors(reduction, options).sources


def measure_reference_errors(reduction, options=ReductionOptions()) -> ReferenceMeasurement:
    """The ReferenceMeasurement of a Reduction.

    The fluxes are those of the same forced fit that the search images get, not of the search
    for sources: what the one does to a blend, the other does too, and the difference is clean.
    """
    found = reduction.detections
    stars = ForcedStars(
        found.x, found.y, np.maximum(found.flux, found.flux_err), np.zeros(len(found), int)
    )
    fit = fit_fluxes(
        reduction.image,
        found.psf,
        stars,
        options.forced,
    )
    mag, mag_err = magnitudes(fit.flux, fit.flux_err, reduction.zero_point.value)
    mag_err = with_floor(mag_err, options.calibration.error_floor)
    ra, dec = reduction.wcs.to_sky(found.x, found.y)
    keep = (fit.flux > 0) & (fit.quality >= options.min_quality)
    columns = {
        "ra": ra,
        "dec": dec,
        "x": found.x,
        "y": found.y,
        "mag": mag,
        "mag_err": mag_err,
        "is_reference": True,
    }
    rows = source_rows(fit, columns)[keep]
    stars = MeasuredStars(*(rows[name].astype("f8") for name in ("x", "y", "flux", "flux_err")))
    rows["flags"] |= wing_flags(reduction, stars, options.bright_stars).astype(rows["flags"].dtype)
    sky = reference_sky(reduction, fit)
    errors = ImageErrors(ErrorModel(floor=options.calibration.error_floor / MAG_PER_LN))
    if options.errors.by_star:
        errors = (
            fitted_errors(reduction, options)
            if sky.is_kept(options.reference_sky)
            else reference_errors(reduction, rows, fit, options)
        )
        rows["mag_err"] = MAG_PER_LN * _flux_errors(errors, rows) / rows["flux"]
    rows["flags"] |= extended_flags(reduction, rows, fit, options).astype(rows["flags"].dtype)
    return ReferenceMeasurement(rows, errors, sky, fit)


def _flux_errors(errors, rows):
    """(n,) errors in ADU of the fluxes of a reference's rows by its ImageErrors."""
    x, y, flux, flux_err = (rows[name].astype("f8") for name in ("x", "y", "flux", "flux_err"))
    near = errors.surroundings(rows, (x, y), flux, flux_err)
    return errors.model.flux_errors(flux, flux_err, near)
