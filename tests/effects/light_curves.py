"""Results of light curves."""

import numpy as np

from exposures.science.barycentre import bjd_tdb
from variables.candidates.periods import period_search


def periods(options):
    """What is found in an eclipsing star's light curve, with two epochs in another filter."""
    rng = np.random.default_rng(10)
    curves = []
    for n, base in ((40, 17.0), (2, 18.0)):
        mjd = np.sort(60000 + rng.uniform(0, 30, n))
        phase = (mjd / 0.3) % 1
        mag = base + 0.4 * np.exp(-(((phase - 0.5) / 0.1) ** 2)) + rng.normal(0, 0.03, n)
        curves.append(
            {"bjd_tdb": (mjd + 2400000.5).tolist(), "mag": mag.tolist(), "mag_err": [0.03] * n}
        )
    return period_search(curves, options.periods)


def periods_of_few(options):
    """What is found in nine epochs of a star, by which noise can't be told from a period."""
    rng = np.random.default_rng(3)
    mjd = 60000 + np.sort(rng.uniform(0, 30, 9))
    rng.normal(size=9)
    mag = 17 + 0.2 * np.sin(2 * np.pi * mjd / 0.7) + 0.06 * rng.normal(size=9)
    times = (mjd + 2400000.5).tolist()
    curve = {"bjd_tdb": times, "mag": mag.tolist(), "mag_err": [0.03] * 9}
    return period_search([curve], options.periods)


def barycentric(options):
    """Times of half a day, during which the Earth turns the telescope towards a star and away."""
    return bjd_tdb(60000 + np.arange(0, 0.5, 0.1), 10.0, 20.0, options.observatory)
