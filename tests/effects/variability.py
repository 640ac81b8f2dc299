"""Results of the statistics of light curves over all epochs."""

import numpy as np

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.storage import storage
from tests.builders.survey_rows import make_image, make_sources
from variables.science.variability.curves import CatalogueCurves
from variables.science.variability.statistics import NAMES, curve_statistics
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
    return rounded(curve_statistics(curves, options.variability))


def read(options):
    """Which measurements of a catalogue's sources count, some with flags, some near an edge."""
    rows = make_sources(20)
    rows["quality"] = np.linspace(0.6, 1, 20)
    rows["flags"][::4] = 16
    catalogue = storage.create_catalogue(make_image("read", is_reference=True), rows, {}, "1")
    catalogue.refresh_from_db()
    return np.isfinite(read_curves(catalogue, options.variability).mag).tolist()


def varying(options):
    """Which of some false-alarm probabilities make a star a candidate."""
    return [chance <= options.variability.max_false_alarm for chance in (1e-6, 1e-5, 1e-4)]
