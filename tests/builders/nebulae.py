"""Nebulae on a reduced reference and a search image of the same field."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

MARGIN = 80  # pixels of nebulae round the reference


def with_nebulae(reference, search, level=60.0, width=3.0, seed=5):
    """Both Reductions with the same filaments on their chips, which their searches did not see.

    They scatter by ``level`` ADU, and have a ``width`` of some pixels on either.
    """
    ny, nx = reference.chip.shape
    noise = np.random.default_rng(seed).normal(0, 1, (ny + 2 * MARGIN, nx + 2 * MARGIN))
    light = gaussian_filter(noise, width)
    light *= level / light.std()
    rows, columns = np.indices(search.chip.shape)
    there = reference.wcs.to_pixels(*search.wcs.to_sky(columns.ravel(), rows.ravel()))
    on_search = map_coordinates(light, [there[1] + MARGIN, there[0] + MARGIN], order=3)
    own = light[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return _with(reference, own), _with(search, on_search.reshape(search.chip.shape))


def _with(reduction, light):
    chip = reduction.chip
    return replace(reduction, chip=replace(chip, data=(chip.data + light).astype("f4")))
