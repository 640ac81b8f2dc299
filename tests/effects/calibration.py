"""Results of calibrating magnitudes and their errors."""

import numpy as np

from photometry.science.absolute.zero_points import fit_zero_points
from photometry.science.calibration.calibration import (
    CalibrationStars,
    fit_magnitude_correction,
    fit_zero_point,
)
from photometry.science.calibration.error_model import fit_error_model
from photometry.science.calibration.error_scale import error_scale
from photometry.science.calibration.local_zero_point import fit_local_zero_point
from photometry.science.stacking.reference_mean import reference_means
from tests.builders.differences import differences
from tests.builders.published_sky import make_sky

FEW = np.arange(30)


def _calibration_stars(n=400):
    """Stars of two references, some of which vary, under a flat field that is not flat."""
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 400, (2, n))
    error = rng.uniform(0.01, 0.1, n)
    difference = 0.1 * np.sin(x / 90) * np.cos(y / 70) + rng.normal(0, 1.5 * error)
    difference[::11] += rng.normal(0, 0.6, len(difference[::11]))
    number = np.where(np.arange(n) < 4, 2, 1)
    return CalibrationStars(x, y, difference + 0.3 * (number == 2), error, number)


def magnitude_correction(options):
    """The correction of magnitudes, and how far errors are expanded."""
    stars, calibration = _calibration_stars(), options.reduction.calibration
    fit = fit_magnitude_correction(stars, (400, 400), calibration)
    few = stars.difference[4:10], stars.error[4:10], np.zeros(6)
    return fit.as_json(), error_scale(*few, calibration)


def local_zero_point(options):
    """The local zero point of many stars under turbulence, and of few."""
    rng = np.random.default_rng(11)
    x, y = rng.uniform(0, 1000, (2, 600))
    sigma = 0.003 + 0.03 * rng.uniform(0, 1, 600) ** 2
    residual = 0.012 * np.sin(x / 90) * np.cos(y / 70) + rng.normal(0, sigma)
    residual[::13] += rng.normal(0, 0.1, len(residual[::13]))
    local = options.reduction.local_zero_point
    fit = fit_local_zero_point((x, y), residual, sigma, (1000, 1000), local)
    few = slice(0, 80)
    of_few = fit_local_zero_point(
        (x[few], y[few]), 2 * x[few] / 1e4, sigma[few], (1000,) * 2, local
    )
    return [surface and surface.as_json() for surface in (fit, of_few)]


def errors(options):
    """The model of the errors of many stars, and of few."""
    floor = options.reduction.calibration.error_floor
    stars = differences(3_000, excess=1.3, halo=0.1)
    models = [
        fit_error_model(s, floor, options.reduction.errors) for s in (stars, stars.select(FEW))
    ]
    return [model.as_json() for model in models]


def zero_point(options):
    """The zero point from four stars of a catalogue, and from many with outliers."""
    rng = np.random.default_rng(4)
    catalogue = rng.uniform(15, 18, 60)
    instrumental = catalogue - 25 + rng.normal(0, 0.03, 60)
    instrumental[::7] += rng.normal(0, 0.2, len(instrumental[::7]))
    found = [
        fit_zero_point(instrumental[:n], catalogue[:n], options.reduction.calibration)
        for n in (4, 60)
    ]
    return [one and vars(one) for one in found]


def absolute(options):
    """The absolute zero points of a chip with many stars, and of one with few."""
    sky = make_sky(n_chips=2, n_common=0)
    few = (sky.stars.chip == 0) | (np.arange(len(sky.stars)) % 60 == 0)
    return fit_zero_points(sky.stars.select(few), sky.exposure, options.absolute)


def means(options):
    """How bright the images of a set say together that sources are."""
    rng = np.random.default_rng(6)
    true = 10 ** (-0.4 * (rng.uniform(16, 20, 400)[:, None] - 25))
    flux = true * (1 + rng.normal(0, 0.02, (400, 5)))
    flux[:200, 0] *= 1 + rng.uniform(-0.5, 0.5, 200)
    flux[100:300, 2] *= 1 + rng.uniform(-0.3, 0.3, 200)
    usable = rng.random((400, 5)) < 0.9
    found = reference_means(
        flux, np.broadcast_to(0.02 * true, flux.shape), usable, 25.0, options.reference_sets
    )
    return [getattr(found, name) for name in found.__dataclass_fields__]
