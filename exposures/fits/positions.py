"""Sky positions of an exposure's chips, from their headers."""

from astropy.io import fits

from exposures.chip import Chip, ChipEntry, ExposureFacts
from exposures.errors import InputFileError
from exposures.fits.cards import celestial_wcs, wcs_cards
from exposures.fits.files import open_images
from exposures.science.angles import wrap_ra
from exposures.science.footprints import corner_pixels, fault_of_wcs


def read_footprints(facts: ExposureFacts) -> dict[int, list[float]]:
    """ra, dec of the four corners in turn, (8,) degrees, by chip number.

    A chip whose WCS can't be used is left out: reading it says why.
    """
    numbers = {entry.hdu: entry.ccdnum for entry in facts.chips}
    found = {}
    with open_images(facts.image_path) as file:
        for image in file.images:
            if image.index in numbers:
                try:
                    wcs = celestial_wcs(file.path, image.label, image.cards)
                except InputFileError:
                    continue
                if not fault_of_wcs(wcs, image.shape):
                    found[numbers[image.index]] = footprint_of(wcs, image.shape)
    return found


def check_wcs(chip: Chip) -> Chip:
    """Return a chip; raises InputFileError if its WCS is impossible for a chip."""
    if fault := fault_of_wcs(chip.wcs, chip.shape):
        advice = "Solve its astrometry again, in ICRS"
        raise InputFileError(chip.path, f"the WCS is not a chip's: {fault}", advice, hdu=chip.name)
    return chip


def footprint_of(wcs, shape) -> list[float]:
    """ra, dec of the four corners of an image of ``shape`` in turn, (8,) degrees."""
    ra, dec = wcs.all_pix2world(*corner_pixels(shape), 0)
    return [float(v) for pair in zip(wrap_ra(ra), dec, strict=True) for v in pair]


def read_wcs_cards(facts: ExposureFacts, entry: ChipEntry) -> fits.Header:
    """The cards of a chip's WCS, in ICRS and right ascension first."""
    with open_images(facts.image_path) as file:
        image = next((i for i in file.images if i.index == entry.hdu), None)
        if image is None:
            advice = "The file has changed: start again"
            raise InputFileError(facts.image_path, "the image is gone", advice, hdu=entry.hdu)
        return wcs_cards(facts.image_path, image.label, image.cards)
