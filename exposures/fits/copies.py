"""Whether two files have the same image of the sky."""

from pathlib import Path

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.cards import first_text
from exposures.fits.files import open_images, read_pixels
from exposures.fits.headers import is_combined


def have_same_pixels(one: tuple[Path, int], other: tuple[Path, int]) -> bool:
    """Whether two HDUs, each by its file and index, hold the same pixels, however compressed.

    False where one can't be read: then nothing shows that they do.
    """
    try:
        pixels, others = (_pixels(*place) for place in (one, other))
    except InputFileError:
        return False
    return np.array_equal(pixels, others, equal_nan=True)


def is_stack(path: Path) -> bool:
    """Whether a file is a stack of several exposures by its header; False if unreadable."""
    try:
        with open_images(path) as file:
            return is_combined(file.primary, *(image.cards for image in file.images[:1]))
    except InputFileError:
        return False


def telescope(path: Path) -> str:
    """TELESCOP of a file, since several telescopes' cameras may share a name; "" if absent."""
    try:
        with open_images(path) as file:
            cards = (image.cards for image in file.images[:1])
            return first_text(("TELESCOP",), file.primary, *cards)
    except InputFileError:
        return ""


def _pixels(path, hdu):
    with open_images(path) as file:
        image = next((image for image in file.images if image.index == hdu), None)
        if image is None:
            raise InputFileError(path, "the image is gone", "Restore the file as it was", hdu=hdu)
        return read_pixels(path, image)
