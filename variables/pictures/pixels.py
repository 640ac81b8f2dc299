"""The pixels of a processed chip, and their map to the sky."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exposures.errors import GalprojectError
from exposures.fits import InputOptions, read_chip, read_exposure
from exposures.science.astrometry import PixelCorrection, RefinedWcs

UNKNOWN_FWHM = 4.0  # pixels


@dataclass(frozen=True)
class ChipPixels:
    """The pixels, weights and sky map from which cutouts are made."""

    data: np.ndarray  # (ny, nx) f4 ADU, sky included
    weight: np.ndarray  # (ny, nx) f4 inverse variance; 0 where masked
    fwhm_pixels: float
    wcs: RefinedWcs
    registration: PixelCorrection  # to the positions of its reference; order -1 on a reference

    def to_pixels(self, ra, dec):
        """Pixels at which the forced fit would place sky positions."""
        return self.registration.apply(*self.wcs.to_pixels(ra, dec))


def pixels_of_image(image) -> ChipPixels:
    """Read the pixels of a GalImage. Raises GalprojectError if its file can't be read."""
    options = InputOptions.from_json((image.options or {}).get("input"))
    facts = read_exposure(Path(image.path), options)
    entry = next((c for c in facts.chips if c.ccdnum == image.ccdnum), None)
    if entry is None:
        raise GalprojectError(f"{image.path}: chip {image.chip_name} is gone. Restore the file")
    chip = read_chip(facts, entry, options)
    refined, registration = (
        PixelCorrection.from_json(chip.shape, (image.astrometry or {}).get(name))
        for name in ("catalogue", "registration")
    )
    return ChipPixels(
        chip.data,
        chip.weight,
        image.fwhm_pixels or UNKNOWN_FWHM,
        RefinedWcs(chip.wcs, refined),
        registration,
    )
