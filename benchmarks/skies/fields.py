"""Random fields over a chip: nebulae, turbulence, thin cloud, flat field and fringes."""

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import gaussian_filter

from exposures.simulation.nebulae import power_law_field

from .options import PIXEL_ARCSEC

NEBULA_ARCSEC = (3.0, 100.0)  # wavelengths of the nebulae's structure
NEBULA_SLOPE = -3.0  # of the power spectrum
FILAMENT_WIDTH = 0.15  # sigmas of the field whose level zero the dark filaments follow
FILAMENT_DEPTH = 0.25  # of the light behind
TURBULENT_PIXELS = 350.0  # correlation length: 1.5 arcmin


def smooth_field(shape, rng, length=TURBULENT_PIXELS):
    """(ny, nx) Gaussian field of zero mean and unit variance, smooth on ``length`` pixels."""
    step = 16
    coarse = tuple(n // step + 4 * int(length / step) for n in shape)
    grid = gaussian_filter(rng.normal(0, 1, coarse), length / step / 2, mode="wrap")
    spline = RectBivariateSpline(*(step * np.arange(n) for n in coarse), grid)
    return _unit(spline(np.arange(shape[0]), np.arange(shape[1])))


def _unit(field):
    return (field - field.mean()) / field.std()


def nebulae(shape, rms, rng):
    """(ny, nx) light relative to the sky's level, with filaments of dust before both.

    With the sky it is lognormal, so that nothing is darker than black; its standard deviation is
    ``rms``.
    """
    wavelengths = [arcsec / PIXEL_ARCSEC for arcsec in NEBULA_ARCSEC]
    log_sigma = np.sqrt(np.log1p(rms**2))
    bright = np.exp(log_sigma * power_law_field(shape, wavelengths, NEBULA_SLOPE, rng))
    ridge = power_law_field(shape, (wavelengths[1] / 3, wavelengths[1]), NEBULA_SLOPE, rng)
    patches = smooth_field(shape, rng, 200) > 0.3  # the filaments lie in a third of the field
    dust = FILAMENT_DEPTH * np.exp(-0.5 * (ridge / FILAMENT_WIDTH) ** 2)
    light = bright * (1 - dust * gaussian_filter(patches.astype("f4"), 8))
    return np.maximum(rms * (light - light.mean()) / light.std(), -0.9)


def flat_field(shape, amplitude, rng):
    """(ny, nx) magnitudes: a quadratic surface of zero mean with a range of ``amplitude``."""
    v, u = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    surface = np.tensordot(rng.normal(0, 1, 5), [u, v, u * u, u * v, v * v], 1)
    return amplitude * (surface - surface.mean()) / np.ptp(surface)


def fringe_pattern(shape, rng):
    """(ny, nx) waves between -1 and 1 that bend over the chip; the same on all epochs."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle, wavelength = rng.uniform(0, np.pi), rng.uniform(50, 90)
    phase = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength
    return np.sin(phase + 4 * smooth_field(shape, rng, 250))
