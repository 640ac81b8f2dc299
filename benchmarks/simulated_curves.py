"""Light curves of a crowded chip with known truth, drawn on arrays without a pixel.

Constant stars and some that vary, with what real ones have: seasons and gaps, seeing, pairs that
trade flux with it, trends that stars share, errors that are off by star and image, and outliers.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from photometry.science.calibration.calibration import MAG_PER_LN
from variables.science.variability.assessment import Surroundings
from variables.science.variability.conditions import standard_conditions
from variables.science.variability.curves import ZERO_POINT, CatalogueCurves, Missed
from variables.science.variability.evidence import Circumstances

CHIP = (4096, 2048)  # pixels, of DECam
FWHM_PIXELS = 4.0
LEAST_DISTANCE = 0.6  # FWHM, within which a search tells no two stars apart
BRIGHTEST, FAINTEST, COUNTS = 14.0, 23.0, 0.3  # mag, and the slope of the logarithm of counts
FLOOR, LIMIT = 0.008, 22.0  # mag: error of bright stars, and where it is 0.2 mag
SKY_AGAIN = 0.25  # of the variance of the sky, by which neighbours' light raises it
ERROR_SCATTER = 0.08  # of the errors of stars, and of images
TRADED = 0.06  # of the fainter one's flux, between pairs at no distance, for 10 % more seeing
TRENDS, TREND_MAG = 2, 0.006
OUTLIERS, OUTLIER_SIGMA = 2e-3, 8.0
MISSING = 0.05
YEARS, SEASON_DAYS = 2, 120
VARIABLES = 0.01  # of the stars
RANGES = (0.05, 0.8)  # mag
PERIODS = (0.2, 300.0)  # days


@dataclass(frozen=True)
class SimulatedChip:
    """Light curves, and what is true of the stars; arrays (n_stars,)."""

    curves: CatalogueCurves
    surroundings: Surroundings
    mag: np.ndarray
    range_mag: np.ndarray  # of the true light curve; 0 of constant stars
    is_blended: np.ndarray  # within a FWHM of another


def simulate(n_stars, n_epochs, seed):
    """A SimulatedChip of so many stars, some less where two would be one."""
    rng = np.random.default_rng(seed)
    x, y = _places(n_stars, rng)
    n = len(x)
    mag = _magnitudes(n, rng)
    mjd, seeing, sky = _nights(n_epochs, rng)
    range_mag, change = _variations(n, mjd, rng)
    first, second, overlap = _pairs(x, y)
    noise_mag = _errors(mag, first, second, overlap)
    flux = 10 ** (-0.4 * (mag - ZERO_POINT))[:, None] * 10 ** (-0.4 * change)
    factor = seeing / np.median(seeing)
    flux_err = (noise_mag / MAG_PER_LN * flux.mean(axis=1))[:, None] * np.hypot(
        np.minimum(FLOOR / noise_mag, 1)[:, None],
        np.sqrt(np.maximum(1 - (FLOOR / noise_mag[:, None]) ** 2, 0)) * factor * np.sqrt(sky),
    )
    true_err = flux_err * np.exp(rng.normal(0, ERROR_SCATTER, n))[:, None]
    true_err *= np.exp(rng.normal(0, ERROR_SCATTER, n_epochs))
    deviates = rng.standard_normal((n, n_epochs))
    deviates[rng.random(deviates.shape) < OUTLIERS] *= OUTLIER_SIGMA
    measured = flux * _trends(n, n_epochs, rng) + deviates * true_err
    traded = TRADED * np.minimum(flux[first], flux[second]) * overlap[:, None]
    traded = traded * (factor - 1) / 0.1
    np.add.at(measured, first, traded)
    np.add.at(measured, second, -traded)
    measured[rng.random(measured.shape) < MISSING] = np.nan
    fwhm = FWHM_PIXELS * factor
    conditions = standard_conditions({"seeing": fwhm, "sky": sky})
    own = np.ones(n)
    light = flux.mean(axis=1)
    np.add.at(own, first, overlap * light[second] / light[first])
    np.add.at(own, second, overlap * light[first] / light[second])
    blended = np.zeros(n, bool)
    close = np.hypot(x[first] - x[second], y[first] - y[second]) < FWHM_PIXELS
    blended[first[close]] = blended[second[close]] = True
    return SimulatedChip(
        curves=_curves(mjd, measured, flux_err),
        surroundings=Surroundings(x, y, mag, 1 / own, FWHM_PIXELS, Circumstances(mjd, conditions)),
        mag=mag,
        range_mag=range_mag,
        is_blended=blended,
    )


def _places(n_stars, rng):
    """Pixels of stars at random, none nearer to another than a search tells apart."""
    x, y = rng.uniform(0, CHIP[1], n_stars), rng.uniform(0, CHIP[0], n_stars)
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(
        LEAST_DISTANCE * FWHM_PIXELS, output_type="ndarray"
    )
    kept = np.ones(n_stars, bool)
    kept[pairs[:, 1]] = False
    return x[kept], y[kept]


def _magnitudes(n, rng):
    low, high = 10 ** (COUNTS * BRIGHTEST), 10 ** (COUNTS * FAINTEST)
    return np.log10(low + rng.random(n) * (high - low)) / COUNTS


def _nights(n_epochs, rng):
    """Times in seasons, with several on some nights, and seeing and sky of each epoch."""
    nights = rng.choice(SEASON_DAYS * YEARS, max(n_epochs * 2 // 3, 1), replace=False)
    night = np.append(nights, rng.choice(nights, n_epochs - len(nights)))
    days = night % SEASON_DAYS + 365.25 * (night // SEASON_DAYS)
    mjd = np.sort(60000.0 + days + rng.uniform(0, 0.3, n_epochs))
    seeing = np.exp(rng.normal(0, 0.15, n_epochs))
    sky = 1 + 2 * rng.random(n_epochs) ** 4
    return mjd, seeing, sky


def _pairs(x, y):
    """Indices of stars within two FWHM of each other, and how much of their PSFs overlaps."""
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(2 * FWHM_PIXELS, output_type="ndarray")
    first, second = pairs.T
    distance = np.hypot(x[first] - x[second], y[first] - y[second])
    return first, second, 0.5 ** ((distance / FWHM_PIXELS) ** 2 * 2)


def _errors(mag, first, second, overlap):
    """(n,) mag, of an image of the median seeing and a dark sky."""
    flux = 10 ** (-0.4 * mag)
    sky = 10 ** (-0.4 * LIMIT) * 0.2 / MAG_PER_LN
    variance = np.full(len(mag), sky**2)
    variance += SKY_AGAIN * sky**2 * flux / 10 ** (-0.4 * 19.5)
    for one, other in ((first, second), (second, first)):
        np.add.at(variance, one, SKY_AGAIN * sky**2 * overlap * flux[other] / 10 ** (-0.4 * 19.5))
    blend = np.ones(len(mag))
    for one in (first, second):
        np.maximum.at(blend, one, 1 / np.sqrt(1 - np.minimum(overlap, 0.7) ** 2))
    return np.hypot(FLOOR, MAG_PER_LN * blend * np.sqrt(variance) / flux)


def _trends(n, n_epochs, rng):
    """(n, n_epochs) factors that stars share, each star to another degree."""
    degree = rng.normal(1, 0.5, (n, TRENDS))
    return 10 ** (-0.4 * degree @ rng.normal(0, TREND_MAG, (TRENDS, n_epochs)))


def _variations(n, mjd, rng):
    """(n,) ranges, and (n, n_epochs) changes in mag: pulsating, eclipsing, slow and irregular."""
    range_mag = np.zeros(n)
    chosen = np.flatnonzero(rng.random(n) < VARIABLES)
    range_mag[chosen] = np.exp(rng.uniform(*np.log(RANGES), len(chosen)))
    period = np.exp(rng.uniform(*np.log(PERIODS), len(chosen)))
    phase = ((mjd - 60000) / period[:, None] + rng.random((len(chosen), 1))) % 1
    shapes = np.stack(
        [
            (1 + np.sin(2 * np.pi * phase)) / 2,
            np.where(phase < 0.8, phase / 0.8, (1 - phase) / 0.2),  # rises fast
            np.exp(-0.5 * ((phase - 0.5) / 0.07) ** 2) + 0.6 * np.exp(-0.5 * (phase / 0.07) ** 2),
        ]
    )
    shape = shapes[rng.choice(3, len(chosen), p=(0.5, 0.35, 0.15)), np.arange(len(chosen))]
    change = np.zeros((n, len(mjd)))
    change[chosen] = range_mag[chosen, None] * shape
    return range_mag, change


def _curves(mjd, flux, flux_err):
    positive = flux > 0
    mag = np.full(flux.shape, np.nan, "f4")
    mag_err = np.full(flux.shape, np.nan, "f4")
    mag[positive] = ZERO_POINT - 2.5 * np.log10(flux[positive])
    mag_err[positive] = MAG_PER_LN * flux_err[positive] / flux[positive]
    star, image = np.nonzero(flux <= 0)
    missed = Missed(star, image, flux[star, image], flux_err[star, image])
    ids = np.arange(len(flux)), np.arange(len(mjd))
    return CatalogueCurves(*ids, mjd, "i", mag, mag_err, missed)
