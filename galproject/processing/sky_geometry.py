"""The sky geometry of chips in galimages."""

import numpy as np

from exposures.chip import Chip
from exposures.errors import InputFileError
from exposures.models import GalImage
from exposures.science.astrometry import RefinedWcs, RegisteredWcs, pixel_scale_arcsec
from exposures.science.footprints import corner_pixels, fault_of
from photometry.models import GalReference


def fill_sky_geometry(image: GalImage, chip: Chip, wcs: RefinedWcs | RegisteredWcs) -> None:
    """Fill the columns of a chip's position and footprint.

    Raises InputFileError if the WCS gives a position or shape that no chip can have.
    """
    ny, nx = chip.shape
    corner_x, corner_y = map(np.array, corner_pixels(chip.shape))
    ra, dec = wcs.to_sky(corner_x, corner_y)
    footprint = [float(v) for pair in zip(ra, dec, strict=True) for v in pair]
    if fault := fault_of(footprint):
        advice = "Solve its astrometry again, in ICRS"
        raise InputFileError(chip.path, f"the WCS is not a chip's: {fault}", advice, hdu=chip.name)
    centre_ra, centre_dec = wcs.to_sky(np.array([nx / 2 - 0.5]), np.array([ny / 2 - 0.5]))
    scale = pixel_scale_arcsec(chip.wcs, chip.shape)
    image.width, image.height = nx, ny
    image.ra, image.dec = float(centre_ra[0]), float(centre_dec[0])
    image.radius = 0.5 * float((nx**2 + ny**2) ** 0.5) * scale / 3600
    image.footprint = footprint


def references_under(image: GalImage) -> list[GalImage]:
    """Reference images of the same filter whose footprints share sky with the image."""
    if not image.footprint:
        return []
    candidates = GalImage.objects.references().done().in_filter(image.exposure.filter)
    return list(candidates.overlapping(image).order_by("pk"))


def catalogues_under(image: GalImage) -> list[GalReference]:
    """The catalogues in use of the references under an image."""
    references = references_under(image)
    return list(GalReference.objects.filter(image__in=references, active=True).order_by("pk"))
