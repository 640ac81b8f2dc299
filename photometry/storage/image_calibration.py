"""How an image was calibrated, by its own row, and the upper limits that follow from it."""

from dataclasses import asdict

import numpy as np

from photometry.reduction.options import ReductionOptions
from photometry.science.calibration.calibration import Correction
from photometry.science.calibration.channels import ChannelEdge, edges_at
from photometry.science.calibration.depth import upper_limit

DEFAULTS = asdict(ReductionOptions())  # of images that were made before there was such an option


def channel_edges(references) -> list[ChannelEdge]:
    """The edges of the read-out channels of reference images, rows of galimages."""
    return [
        edge
        for reference in references
        for edge in edges_at(reference.channel_columns, reference.fwhm_pixels, reference.pk)
    ]


def zero_points(image, rows, sources):
    """(n,) magnitudes of 1 ADU at rows of a search image, brought onto its references.

    ``sources`` are the same sources in their catalogues.
    """
    stored = image.correction or {}
    if "order" not in stored:  # nothing was corrected
        return np.full(len(rows), np.nan if image.zero_point is None else image.zero_point)
    correction = Correction.from_json(stored, (image.height, image.width))
    return image.zero_point + correction.at(
        rows["x"], rows["y"], sources["galimage_id"], sources["x"]
    )


def error_scale_of(image) -> float:
    """The factor by which a search image's uncertainties were expanded."""
    return (image.correction or {}).get("error_scale", 1.0)


def upper_limits(image, rows, sources):
    """(n,) upper limits in mag of rows without a detection on a search image.

    ``sources`` are the same sources in their catalogues. NaN where too little of the PSF lies on
    usable pixels to tell, and without a zero point. How many sigma and how much of the PSF are
    the options that the image was made with.
    """
    options = DEFAULTS | (image.options or {}).get("reduction", {})
    flux_err = error_scale_of(image) * rows["flux_err"]
    zero_point = zero_points(image, rows, sources)
    limit = upper_limit(rows["flux"], flux_err, zero_point, options["limit_sigma"])
    return np.where(rows["quality"] >= options["min_quality"], limit, np.nan)
