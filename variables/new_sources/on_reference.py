"""The light that a reference has in the places of new sources."""

import numpy as np

from exposures.binary_copy import copy_out
from exposures.plain_values import none_if_nan
from photometry.models import GalReference
from photometry.science.pixel_positions import PixelPositions
from photometry.storage.left_over import residual_of
from variables.models import GalNewSource
from variables.science.new_sources import ZERO_POINT

# By the partition's own name: its plan takes a third of what one by ids takes.
LISTED = """
SELECT x, y FROM galsources_{catalogue} WHERE is_reference AND galimage_id = {image}
"""
PLACE_DTYPE = np.dtype([("x", "f4"), ("y", "f4")])


def measure_on_reference(catalogue: GalReference, sources: list[GalNewSource]) -> None:
    """Measure new sources of a catalogue in its reference's residual, held in their places.

    Fills in ``reference_flux`` and its error of those that have none yet, without saving them;
    they stay None where the catalogue has no residual or the place no usable pixel. The fluxes of
    listed neighbours are free.
    """
    unknown = [source for source in sources if source.reference_flux is None]
    residual = residual_of(catalogue) if unknown else None
    if residual is None:
        return
    query = LISTED.format(catalogue=catalogue.pk, image=catalogue.image_id)
    listed = copy_out(query, PLACE_DTYPE)
    places = np.array([(source.x, source.y) for source in unknown]).T
    light = residual.light_at(
        PixelPositions(listed["x"].astype("f8"), listed["y"].astype("f8")),
        PixelPositions(*places),
        ZERO_POINT,
    )
    for source, flux, error in zip(unknown, *(c.tolist() for c in light), strict=True):
        source.reference_flux, source.reference_flux_err = none_if_nan(flux), none_if_nan(error)
