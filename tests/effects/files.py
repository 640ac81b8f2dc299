"""Results of what files may ask for, and of their checksums."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import read_chip, read_exposure
from tests.builders.fits_files import write_triplet
from tests.effects.reading import plain_file


def whole_file(options):
    """What becomes of a file that is as it was written."""
    return _outcome(plain_file(), options)


def edited_file(options):
    """What becomes of one whose header was edited since its sums were taken."""
    return _outcome(_edited(), options)


def _outcome(path, options):
    """The error, or what was read; the limits are those in force, which are the same."""
    try:
        facts = read_exposure(path, options.input)
        return read_chip(facts, facts.chips[0], options.input).data
    except InputFileError as error:
        return str(error).replace(str(path.parent), "")


@cache
def _edited():
    path = write_triplet(Path(mkdtemp(prefix="galproject-effects-")))
    with fits.open(path, memmap=False) as hdus:
        hdus[1].header["FWHM"] = 3.25
        hdus.writeto(path, overwrite=True, checksum=True)
    path.write_bytes(path.read_bytes().replace(b"3.25", b"3.75"))
    return path
