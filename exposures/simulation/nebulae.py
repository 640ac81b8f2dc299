"""Nebulae of simulated nights, the same on every exposure, with filaments of dust before them."""

import numpy as np
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq
from scipy.ndimage import gaussian_filter, map_coordinates

from exposures.simulation.mosaic import PIXEL_DEGREES

WAVELENGTHS_ARCSEC = (3.0, 100.0)  # of the structure
SLOPE = -3.0  # of its power spectrum, between cirrus (-2.9) and Kolmogorov's turbulence
FILAMENT_WIDTH = 0.15  # sigmas of the field whose level zero the dark filaments follow
FILAMENT_DEPTH = 0.25  # of the light behind
DARKEST = -0.9  # of the sky's level
MARGIN = 100  # pixels round the chip of a telescope that points where it should


def power_law_field(shape, wavelengths, slope, rng):
    """(ny, nx) Gaussian field of unit variance, with power ~ k^slope between two wavelengths."""
    k = np.hypot(fftfreq(shape[0])[:, None], rfftfreq(shape[1])[None, :])
    inside = (k >= 1 / max(wavelengths)) & (k <= 1 / min(wavelengths))
    amplitude = np.where(inside, np.where(k > 0, k, 1) ** (slope / 2), 0)
    field = irfft2(rfft2(rng.normal(0, 1, shape)) * amplitude, s=shape)
    return (field - field.mean()) / field.std()


def nebulae(shape, rms, rng):
    """(ny, nx) light relative to the sky's level, of standard deviation ``rms``.

    With the sky it is lognormal, so that nothing is darker than black; dark filaments of dust lie
    before a part of it.
    """
    shortest, longest = (arcsec / 3600 / PIXEL_DEGREES for arcsec in WAVELENGTHS_ARCSEC)
    log_sigma = np.sqrt(np.log1p(rms**2))
    bright = np.exp(log_sigma * power_law_field(shape, (shortest, longest), SLOPE, rng))
    ridge = power_law_field(shape, (longest / 3, longest), SLOPE, rng)
    has_dust = power_law_field(shape, (longest / 2, 2 * longest), SLOPE, rng) > 0.3
    dust = FILAMENT_DEPTH * np.exp(-0.5 * (ridge / FILAMENT_WIDTH) ** 2)
    light = bright * (1 - dust * gaussian_filter(has_dust.astype("f4"), 8))
    return np.maximum(rms * (light - light.mean()) / light.std(), DARKEST)


def seen_nebulae(rms, wcs, still_wcs, shape, fwhm_pixels, rng):
    """(ny, nx) light of nebulae, relative to the sky's level, on a chip with the header ``wcs``.

    They are drawn from ``rng`` on the chip with ``still_wcs``, which is the same for all exposures,
    and blurred by a seeing of ``fwhm_pixels``.
    """
    light = nebulae(tuple(side + 2 * MARGIN for side in shape), rms, rng)
    blurred = gaussian_filter(light, fwhm_pixels / np.sqrt(8 * np.log(2)))
    rows, columns = np.array([[0, 0, shape[0] - 1], [0, shape[1] - 1, 0]], float)
    still_x, still_y = still_wcs.all_world2pix(*wcs.all_pix2world(columns, rows, 0), 0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    at = [
        place[0]
        + (place[1] - place[0]) * x / (shape[1] - 1)
        + (place[2] - place[0]) * y / (shape[0] - 1)
        for place in (still_y + MARGIN, still_x + MARGIN)
    ]
    return map_coordinates(blurred, at, order=1, mode="nearest")
