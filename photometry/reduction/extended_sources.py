"""The flag of sources that are members of an extended source."""

import numpy as np

from photometry.science.detection.clean import is_well_measured
from photometry.science.extended_sources import EXTENDED, PointSources, find_extended
from photometry.science.weighted_image import WeightedImage


def extended_flags(reduction, rows, fit, options) -> np.ndarray:
    """(n,) EXTENDED where the ``rows`` of a reference are members of an extended source, else 0.

    ``fit`` is the ForcedFit of the reference's Reduction that the rows are from, ``options`` are
    ReductionOptions.
    """
    flags = np.zeros(len(rows), int)
    if not options.extended.flag:
        return flags
    is_significant = rows["flux"] > options.extended.min_signal * rows["flux_err"]
    usable = np.flatnonzero(is_significant & is_well_measured(rows, options.clean))
    sources = PointSources(*(rows[name][usable].astype("f8") for name in ("x", "y", "flux")))
    left = WeightedImage(reduction.data - fit.model, reduction.model_weight, reduction.chip.mask)
    radius = options.extended.radius_arcsec / reduction.scale_arcsec
    found = find_extended(left, reduction.detections.psf, sources, radius, options.extended)
    flags[usable[found]] = EXTENDED
    return flags
