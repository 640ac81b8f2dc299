"""Artificial stars drawn for a reference chip, and their positions on every image."""

import numpy as np
from numpy.lib import recfunctions

from exposures.chip import MaskBit
from galproject.validation.injection.options import number_of_stars, range_of
from photometry.science.calibration.depth import limiting_magnitude
from photometry.science.injection import Stars, free_positions, unsaturated_flux

STAR_DTYPE = np.dtype(
    [
        ("star", "i8"),  # ccdnum of the reference chip, and a number on it
        ("chip", "i4"),  # ccdnum of the reference chip
        ("ra", "f8"),  # ICRS degrees
        ("dec", "f8"),
        ("mag", "f8"),  # on the reference
        ("amplitude", "f8"),  # mag; 0 of constant stars
    ]
)
# One star on one image, as it was put in.
PLACED_DTYPE = np.dtype(
    [
        *STAR_DTYPE.descr,
        ("delta", "f8"),  # mag, image minus reference
        ("x", "f8"),  # pixels on the image
        ("y", "f8"),
        ("fracflux", "f8"),  # share of the light under its PSF, as fracflux
        ("mag_err", "f8"),  # the expected error, by the model of the image's errors
    ]
)
STARS_A_CHIP = 1_000_000  # by which the numbers of different chips differ


def draw_stars(reduction, ccdnum, options, n_searches):
    """Stars for a reduced reference chip: (n,) STAR_DTYPE, x and y in pixels, (n, n_searches) mag.

    The last are the changes: by the amplitude, up or down at random on each search exposure.
    """
    rng = np.random.default_rng([options.seed, ccdnum])
    chip, psf = reduction.chip, reduction.detections.psf
    fwhm = reduction.fwhm_pixels
    n = number_of_stars(options, len(reduction.detections), chip.shape, fwhm)
    usable = (chip.weight > 0) & ((chip.mask & np.uint8(MaskBit.STREAK)) == 0)
    x, y = free_positions(usable, n, fwhm, rng)
    headroom = chip.saturation - float(reduction.sky.level)
    brightest = unsaturated_flux(psf, chip.shape, headroom)
    zero_point = reduction.zero_point.value
    limit = limiting_magnitude(zero_point, float(reduction.sky.noise), fwhm)
    low, high = range_of(options, zero_point - 2.5 * np.log10(brightest), float(limit))
    stars = np.zeros(len(x), STAR_DTYPE)
    stars["star"] = ccdnum * STARS_A_CHIP + np.arange(len(x))
    stars["chip"] = ccdnum
    stars["ra"], stars["dec"] = reduction.wcs.to_sky(x, y)
    stars["mag"] = rng.uniform(low, high, len(x))
    varies = rng.permutation(len(x)) < round(options.variable_fraction * len(x))
    stars["amplitude"] = np.where(varies, rng.choice(options.amplitudes, len(x)), 0)
    sign = rng.choice([-1.0, 1.0], (len(x), n_searches))
    return stars, x, y, stars["amplitude"][:, None] * sign


def placed(stars, delta, x, y, fracflux, mag_err):
    """(n,) PLACED_DTYPE of stars on an image."""
    out = np.zeros(len(stars), PLACED_DTYPE)
    recfunctions.assign_fields_by_name(out, stars, zero_unassigned=False)
    out["delta"], out["x"], out["y"] = delta, x, y
    out["fracflux"], out["mag_err"] = fracflux, mag_err
    return out


def as_pixels(magnitudes, x, y, zero_point) -> Stars:
    """Stars of magnitudes (n,) for the pixels of an image with a zero point (mag of 1 ADU)."""
    return Stars(x, y, 10 ** (-0.4 * (magnitudes - zero_point)))
