"""Results of light curves."""

import numpy as np

from exposures.science.barycentre import bjd_tdb
from variables.candidates.periods import periods_told
from variables.science.periodicity.curve_matrices import CurveMatrix


def periods(options):
    """What is found in an eclipsing star's light curve."""
    rng = np.random.default_rng(10)
    mjd = np.sort(60000 + rng.uniform(0, 30, 40))
    phase = (mjd / 0.3) % 1
    mag = 17 + 0.4 * np.exp(-(((phase - 0.5) / 0.1) ** 2)) + rng.normal(0, 0.03, 40)
    curves = CurveMatrix(mjd, np.zeros(40, int), mag[None], np.full((1, 40), 0.03))
    return periods_told(curves, options.periods)


def barycentric(options):
    """Times of half a day, during which the Earth turns the telescope towards a star and away."""
    return bjd_tdb(60000 + np.arange(0, 0.5, 0.1), 10.0, 20.0, options.observatory)
