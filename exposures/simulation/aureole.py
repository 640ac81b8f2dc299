"""The aureole of bright stars: light that telescope and air scatter far beyond the PSF."""

import numpy as np

from exposures.simulation.mosaic import PIXEL_DEGREES

SHARE = 0.025  # of a star's light, beside what its magnitude counts
CORE_PIXELS = 4.0 / 3600 / PIXEL_DEGREES  # 4 arcsec, beyond which it falls as r^-2 (King 1971)
REACH_PIXELS = 250
FADING = 0.7  # of the reach, from where on it fades out
FAINTEST_MAG = 15.0  # of stars whose aureole is drawn


def aureoles(x, y, flux, shape):
    """(ny, nx) ADU of the aureoles of stars at ``x, y`` (n,) pixels with ``flux`` (n,) ADU."""
    table = SHARE * _profile()
    light = np.zeros(shape)
    for x0, y0, total in zip(x, y, flux, strict=True):
        rows, columns = (_reached(*place) for place in ((y0, shape[0]), (x0, shape[1])))
        radius = np.hypot(rows[:, None] - y0, columns - x0)
        part = np.interp(radius, np.arange(len(table)), table, right=0)
        light[rows[:, None], columns] += total * part
    return light


def _reached(centre, side):
    """Pixels of one axis that a star's aureole reaches."""
    start, stop = np.clip([centre - REACH_PIXELS, centre + REACH_PIXELS + 1], 0, side).astype(int)
    return np.arange(start, stop)


def _profile():
    """Light a pixel at each whole radius, of unit sum."""
    radius = np.arange(REACH_PIXELS + 1.0)
    profile = np.clip((REACH_PIXELS - radius) / ((1 - FADING) * REACH_PIXELS), 0, 1)
    profile /= CORE_PIXELS**2 + radius**2
    return profile / np.sum(2 * np.pi * radius * profile)
