"""What a reference's own fit left over: how much the reference had of stars that it missed."""

import numpy as np

from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.references.reference import ReferenceMeasurement
from photometry.science.calibration.calibration import magnitudes, with_floor
from photometry.science.detection.peak_fit import Residual
from photometry.science.detection.peak_image import ListedStars
from photometry.science.detection.residual_peaks import find_left_over
from photometry.science.reference_residual import ReferenceResidual
from photometry.storage.left_over import LEFT_OVER_DTYPE


def left_over_stars(
    reduction: Reduction, measured: ReferenceMeasurement, options: ReductionOptions
) -> np.ndarray | None:
    """LEFT_OVER_DTYPE (n,) of a reference, by significance; None where its sky is kept.

    What a reference has beside its sources is subtracted from search images there: a star that it
    missed does not show on them, and what shows is new.
    """
    if options.reference_sky.subtract and measured.sky.is_kept(options.reference_sky):
        return None
    found, fit = reduction.detections, measured.fit
    residual = _residual(reduction, measured)
    listed = ListedStars(found.x, found.y, fit.flux)
    stars = find_left_over(residual, found.psf, listed, options.residual, options.forced)
    rows = np.zeros(len(stars), LEFT_OVER_DTYPE)
    for name in ("x", "y", "flux", "rchi2", "fracflux", "quality", "flags"):
        rows[name] = getattr(stars, name)
    # With the error of the neighbours' PSFs, as the threshold has it.
    rows["flux_err"] = stars.flux / stars.significance
    rows["ra"], rows["dec"] = reduction.wcs.to_sky(stars.x, stars.y)
    mag, mag_err = magnitudes(stars.flux, rows["flux_err"], reduction.zero_point.value)
    rows["mag"], rows["mag_err"] = mag, with_floor(mag_err, options.calibration.error_floor)
    return rows


def kept_residual(
    reduction: Reduction, measured: ReferenceMeasurement, options: ReductionOptions
) -> ReferenceResidual:
    """The residual of a reference's own fit, to measure in it what is no peak of its own."""
    return ReferenceResidual.of(
        _residual(reduction, measured),
        reduction.detections.psf,
        reduction.zero_point.value,
        options.residual.fit_fwhm,
    )


def _residual(reduction: Reduction, measured: ReferenceMeasurement) -> Residual:
    model = measured.fit.model
    return Residual(reduction.data - model, reduction.model_weight, reduction.chip.mask, model)
