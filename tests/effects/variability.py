"""Results of the statistics of light curves over all epochs."""

import numpy as np

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.science.variability.assessment import Surroundings, assess
from variables.science.variability.conditions import standard_conditions
from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.evidence import Circumstances
from variables.science.variability.statistics import NAMES, matrix_statistics
from variables.science.variability.trends import find_trends, star_coefficients
from variables.variability.curves import read_curves


def rounded(statistics):
    return [np.round(getattr(statistics, name), 4).tolist() for name in NAMES]


def statistics(options):
    """Statistics of twenty stars of 4 to 200 sigma on six epochs, of which some lack one."""
    rng = np.random.default_rng(1)
    error = (MAG_PER_LN / np.geomspace(4, 200, 20)[:, None] * np.ones(6)).astype("f4")
    mag = (18 + rng.normal(0, error)).astype("f4")
    mag[::3, 2] = np.nan
    error[::3, 2] = np.nan
    images = np.arange(6)
    curves = CatalogueCurves(np.arange(20), images, 60000.0 + images, "i", mag, error)
    options = options.variability
    whole = curves.in_flux(curves.fading(options.faint_sigma))
    return rounded(matrix_statistics(curves.mjd, whole.mag, whole.mag_err, options.min_epochs))


def shared(options):
    """How many trends forty to ninety stars share, and with what coefficients."""
    rng = np.random.default_rng(2)
    images, n_stars = np.arange(24), 90
    trends = 0.03 * rng.normal(1, 0.3, (n_stars, 2)) @ rng.normal(0, 1, (2, 24))
    mag = (np.linspace(15, 17, n_stars)[:, None] + trends).astype("f4")
    mag += rng.normal(0, 0.01, mag.shape).astype("f4")
    error = np.full_like(mag, 0.01)
    ids = np.arange(n_stars), images
    curves = CatalogueCurves(*ids, 60000.0 + images, "i", mag, error)
    options = options.variability
    measured = matrix_statistics(curves.mjd, mag, error)
    trends = find_trends(curves, measured, np.ones(n_stars, bool), options)
    return len(trends), star_coefficients(curves, measured, trends).round(3).tolist()


def assessed(options):
    """What follows the seeing, of sixty stars in pairs of which every second has half of it."""
    rng = np.random.default_rng(3)
    images, n_stars = np.arange(40), 60
    seeing = rng.normal(0, 1, 40)
    part = np.linspace(0, 0.04, n_stars)[:, None]
    mag = (16 + part * seeing + rng.normal(0, 0.02, (n_stars, 40))).astype("f4")
    curves = CatalogueCurves(
        np.arange(n_stars), images, 60000.0 + images, "i", mag, np.full_like(mag, 0.02)
    )
    x = np.repeat(np.arange(30) * 50.0, 2)
    x[1::2] += np.linspace(1, 12, 30)
    fracflux = np.tile([0.9, 0.99], 30)
    conditions = Circumstances(curves.mjd, standard_conditions({"seeing": seeing}))
    surroundings = Surroundings(x, *np.full((2, n_stars), 16.0), fracflux, 6.0, conditions)
    found = assess(curves, surroundings, options.variability)
    return found.follows.tolist(), len(found.neighbours.star)


def read(options):
    """Which measurements of a catalogue's sources count, some with flags, some near an edge."""
    rows = make_sources(20)
    rows["quality"] = np.linspace(0.6, 1, 20)
    rows["flags"][::4] = 16
    rows["x"], rows["y"] = np.linspace(0, 99, 20), 50
    image = make_image("read", is_reference=True, width=100, height=100)
    catalogue = storage.create_catalogue(image, rows, {}, "1")
    catalogue.refresh_from_db()
    return np.isfinite(read_curves(catalogue, options.variability).mag).tolist()


def varying(options):
    """Which of some false-alarm probabilities make a star a candidate."""
    return [chance <= options.variability.max_false_alarm for chance in (1e-6, 1e-5, 1e-4)]
