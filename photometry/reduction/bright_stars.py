"""The flag of sources in the wings and bleed trails of saturated stars."""

import numpy as np

from photometry.science.bright_stars.saturated import saturated_stars
from photometry.science.bright_stars.wings import (
    IN_WINGS,
    MeasuredStars,
    is_in_wings,
    measure_wings,
)
from photometry.science.weighted_image import WeightedImage


def wing_flags(reduction, stars: MeasuredStars, options) -> np.ndarray:
    """(n,) IN_WINGS where a saturated star's light may be a change of MeasuredStars, else 0.

    ``reduction`` is that of the image they were measured on, ``options`` are BrightStarOptions.
    """
    if not options.mask:
        return np.zeros(len(stars.x), int)
    found = saturated_stars(reduction.chip.mask, options.min_saturated_pixels, options.max_stars)
    image = WeightedImage(reduction.data, reduction.chip.weight, reduction.chip.mask)
    wings = measure_wings(image, found, reduction.fwhm_pixels, options)
    covered = is_in_wings(wings, stars, reduction.fwhm_pixels, options)
    return np.where(covered, IN_WINGS, 0)
