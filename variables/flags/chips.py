"""Search chips as arrays, many at once, and as objects where a flag is proposed on them."""

from collections.abc import Iterable

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalImage, Status

CHIP_DTYPE = np.dtype(
    [
        *(("image_id", "i8"), ("exposure_id", "i8"), ("ccdnum", "i2"), ("mjd", "f8")),
        *(("width", "i4"), ("height", "i4"), ("radius", "f8")),  # pixels, degrees; 0 where unknown
    ]
)
CHIPS = """
SELECT i.id, i.exposure_id, i.ccdnum, e.mjd, coalesce(i.width, 0), coalesce(i.height, 0),
    coalesce(i.radius, 0)
FROM galimages i JOIN galexposures e ON e.id = i.exposure_id
WHERE NOT i.is_reference AND i.status = '{done}' AND i.exposure_id = ANY('{{{exposures}}}')
"""
# What is needed of a chip to say what is proposed on it.
NAMES = (
    *("ccdnum", "chip_name", "is_reference", "width", "height"),
    *("exposure__instrument", "exposure__identifier", "exposure__filter"),
)


def search_chips(exposure_ids: Iterable[int]) -> np.ndarray:
    """The search images of exposures that are done, as CHIP_DTYPE, by exposure, chip and id."""
    exposures = ",".join(map(str, exposure_ids))
    chips = copy_out(CHIPS.format(done=Status.DONE.value, exposures=exposures), CHIP_DTYPE)
    return chips[np.lexsort((chips["image_id"], chips["ccdnum"], chips["exposure_id"]))]


def shapes_of(chips: np.ndarray) -> np.ndarray:
    """(m, 2) ny, nx of chips; 0 where unknown."""
    return np.column_stack([chips["height"], chips["width"]])


def are_measurable(chips: np.ndarray) -> np.ndarray:
    """(m,) whether the size of chips is known, in pixels and on the sky."""
    return (chips["width"] > 0) & (chips["height"] > 0) & (chips["radius"] > 0)


def images_of(image_ids: Iterable[int]) -> dict[int, GalImage]:
    """Images by id, with what flags say of them."""
    images = GalImage.objects.select_related("exposure").only(*NAMES)
    return images.in_bulk([int(pk) for pk in image_ids])
