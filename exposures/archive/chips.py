"""Single chips of a file: listed, checked and copied out."""

from pathlib import Path

import numpy as np

from exposures.archive.errors import ContentError
from exposures.errors import InputFileError
from exposures.fits.files import open_images, read_pixels


def check_chips(path: Path, expnum, ccdnums=None):
    """Read the pixels of chips, or of all for None, and check that they belong to the exposure.

    Raises ContentError: a cut has no checksum of its own, so its content has to speak for it.
    """
    try:
        with open_images(path) as file:
            number = file.primary.number("EXPNUM")
            if expnum is not None and np.isfinite(number) and number != expnum:
                raise ContentError(f"it is of exposure {number:.0f}, not {expnum}")
            chips = _by_number(file)
            missing = set(ccdnums or ()) - set(chips)
            if missing or not chips:
                there = numbers_text(chips) or "none"
                raise ContentError(f"it lacks chips {numbers_text(missing)}; there: {there}")
            for number in ccdnums or chips:
                read_pixels(path, chips[number])
    except InputFileError as error:
        raise ContentError(str(error).replace(f"{path}", path.name)) from error


def chips_in(path: Path) -> frozenset[int]:
    """Numbers of a file's chips; empty if the file is missing or isn't FITS."""
    if not path.exists():
        return frozenset()
    try:
        with open_images(path) as file:
            return frozenset(_by_number(file))
    except InputFileError:
        return frozenset()


def copy_chips(path: Path, ccdnums, partial):
    """Copy the primary header and some chips of a file to a Partial, byte by byte."""
    with open_images(path) as file, open(path, "rb") as source:
        chips = _by_number(file)
        wanted = {chips[number].index for number in ccdnums}
        # The primary HDU is what comes before the first image.
        spans = [(0, file.images[0].span.start)]
        spans += [(i.span.start, i.span.end) for i in file.images if i.index in wanted]
        for start, end in spans:
            source.seek(start)
            partial.write(source.read(end - start))


def _by_number(file):
    numbers = {image.cards.number("CCDNUM"): image for image in file.images}
    return {int(number): image for number, image in numbers.items() if np.isfinite(number)}


def numbers_text(numbers) -> str:
    """Numbers as a list with ranges: 1-3,31."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
