"""Measurement of a reference image, whose sources become its catalogue."""

import numpy as np

from photometry.reduction.bright_stars import wing_flags
from photometry.reduction.options import ReductionOptions
from photometry.references.own_errors import reference_errors
from photometry.science.bright_stars.wings import MeasuredStars
from photometry.science.calibration.calibration import MAG_PER_LN, magnitudes, with_floor
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.storage.columns import source_rows


def measure_reference(reduction, options=ReductionOptions()):
    """Rows of galsources, without ids, for the sources that a Reduction found.

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
    if options.errors.by_star:
        flux_err = reference_errors(reduction, rows, fit, options)
        rows["mag_err"] = MAG_PER_LN * flux_err / rows["flux"]
    return rows
