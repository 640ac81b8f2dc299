"""Reading and writing of FITS images; no other code opens them."""

from pathlib import Path

from exposures.chip import Chip, ChipEntry, ExposureFacts
from exposures.fits import decam, plain
from exposures.fits.boundary import reading
from exposures.fits.codes import version_numbers
from exposures.fits.decam import read_mask
from exposures.fits.filters import UnknownFilterError, short_filter
from exposures.fits.limits import FileOptions, limits_in_force, take_limits_from
from exposures.fits.options import InputOptions
from exposures.fits.positions import check_wcs, footprint_of, read_footprints, read_wcs_cards
from exposures.fits.recent import Recent
from exposures.fits.source_files import file_stamp, source_paths
from exposures.fits.writing import write_chip

__all__ = [
    "FileOptions",
    "InputOptions",
    "UnknownFilterError",
    "footprint_of",
    "read_chip",
    "read_exposure",
    "read_footprints",
    "read_mask",
    "read_wcs_cards",
    "short_filter",
    "take_limits_from",
    "version_numbers",
    "write_chip",
]

DEFAULTS = InputOptions()
# Each chip of an exposure asks for them; a worker has its reference's files open, too.
_facts: Recent[ExposureFacts] = Recent(8)


def read_exposure(path: Path, options: InputOptions = DEFAULTS) -> ExposureFacts:
    """Read the facts of an exposure from any of DECam's three files or a plain FITS image.

    A DECam file's siblings are found beside it and checked: the same exposure, every chip, the
    same shapes. What was read before is told again while none of the files has changed. Raises
    InputFileError.
    """
    path = Path(path)
    with reading(path):
        try:
            stamps = tuple(tuple(file_stamp(one).values()) for one in source_paths(path).values())
        except OSError:
            return _read_facts(path, options)  # which says what is wrong
        key = path, options, limits_in_force(), stamps
        return _facts.get(key, lambda: _read_facts(path, options))


def _read_facts(path, options):
    if decam.is_sibling_name(path):
        return decam.read_facts(path, options)
    return plain.read_facts(path, options)


def read_chip(facts: ExposureFacts, entry: ChipEntry, options: InputOptions = DEFAULTS) -> Chip:
    """Read one chip of an exposure. Raises InputFileError."""
    with reading(facts.image_path, hdu=entry.name):
        if facts.is_triplet:
            return check_wcs(decam.read_chip(facts, entry, options))
        return check_wcs(plain.read_chip(facts, entry, options))
