"""Differences of constant stars' fluxes to what is expected, with known errors."""

import numpy as np

from photometry.science.calibration.error_model import Differences, Surroundings


def differences(n, seed=1, floor=0.004, excess=1.0, halo=0.0):
    """Differences of constant stars: errors of the fit are ``excess`` times too small."""
    rng = np.random.default_rng(seed)
    mag = np.clip(24 - rng.exponential(1.5, n), 14, 24)
    flux = 10 ** (-0.4 * (mag - 30))
    fitted = np.sqrt(flux + 2_500) * rng.uniform(0.9, 1.3, n)
    fracflux, light = rng.uniform(0.2, 1.0, n), np.where(rng.random(n) < 0.2, 20 * fitted, 0.0)
    sigma = np.sqrt((excess * fitted) ** 2 + (floor * flux) ** 2 + (halo * light) ** 2)
    reference = 0.5 * fitted
    difference = rng.normal(0, np.hypot(sigma, reference))
    near = Surroundings(mag, fracflux, light)
    return Differences(difference, flux, fitted, reference, near)
