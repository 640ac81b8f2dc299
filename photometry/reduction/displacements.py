"""Where bright stars are on a search image, from where their references have them."""

import numpy as np

from exposures.science.astrometry import RegisteredWcs
from exposures.science.motion import MAS_PER_RADIAN
from photometry.reduction.options import ReductionOptions
from photometry.reduction.reduction import Reduction
from photometry.reduction.search import SearchMeasurement
from photometry.science.detection.clean import is_clean
from photometry.science.forced.star_shifts import star_shifts
from photometry.science.motion_fit import Displacements
from photometry.science.weighted_image import WeightedImage


def measured_displacements(
    reduction: Reduction,
    measurement: SearchMeasurement,
    options: ReductionOptions = ReductionOptions(),
) -> Displacements:
    """The Displacements of the bright, clean stars of a SearchMeasurement, those that have any.

    What the proper motions did that the stars were looked for with is part of them, refraction by
    colour is not. None where the image was not registered, and none beyond a FWHM, where another
    star is as likely.
    """
    fit = measurement.fit
    bright = is_clean(fit, options.clean)
    bright &= fit.flux > options.motions.min_significance * fit.flux_err
    if measurement.registration.order < 0:
        bright[:] = False
    x, y, sources = measurement.x[bright], measurement.y[bright], measurement.sources[bright]
    left = WeightedImage(reduction.data - fit.model, reduction.model_weight, reduction.chip.mask)
    shifts = star_shifts(left, reduction.detections.psf, x, y, fit.flux[bright])
    wcs = RegisteredWcs(reduction.wcs, measurement.registration)
    air = measurement.refracted.select(bright)
    ra, dec = wcs.to_sky(
        x - fit.shift[0] - air.dx + shifts.dx, y - fit.shift[1] - air.dy + shifts.dy
    )
    degrees_east = np.remainder(ra - sources["ra"] + 180, 360) - 180
    found = Displacements(
        refsource_id=sources["refsource_id"],
        east=np.radians(degrees_east) * np.cos(np.radians(dec)) * MAS_PER_RADIAN,
        north=np.radians(dec - sources["dec"]) * MAS_PER_RADIAN,
        error=1000 * reduction.scale_arcsec * shifts.error,
    )
    return found.select(np.hypot(shifts.dx, shifts.dy) < reduction.fwhm_pixels)
