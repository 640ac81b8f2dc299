"""Columns of candidates with the published colour and absolute magnitude of their stars."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.matching.colours import colour_catalogue, published_colours


def colour_columns(catalogue_id: int, refsource_ids: IntArray) -> dict[str, FloatArray]:
    """The columns of sources (n,) of a reference catalogue, ids in order; NaN where unknown."""
    columns = {name: np.full(len(refsource_ids), np.nan) for name in ("colour_mag", "absolute_mag")}
    catalogue = colour_catalogue()
    if catalogue is not None:
        found = published_colours(catalogue_id, catalogue, refsource_ids)
        place = np.searchsorted(refsource_ids, found.refsource_id)
        columns["colour_mag"][place] = found.colour
        columns["absolute_mag"][place] = found.absolute_mag
    return columns
