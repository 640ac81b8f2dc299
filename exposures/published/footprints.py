"""Footprints of published catalogues that people state: all of the sky, a box or a MOC."""

from pathlib import Path

import numpy as np

from exposures.errors import InputFileError
from exposures.fits.files import open_table
from exposures.science.coverage import joined_ranges, moc_ranges

ALL_SKY = "all sky"
MOC_ORDER = 12  # of the cells in which a MOC is kept, of 0.9 arcmin
RANGE_ORDER = 29  # of the ranges of MOC 2.0
NO_MOC = "Name a MOC of the sky in FITS, as VizieR and Aladin write them"


def read_moc(path: Path) -> dict:
    """The footprint that a MOC in FITS has, by NUNIQ or ranges (IVOA MOC 1.1 and 2.0).

    Raises InputFileError if it is none.
    """
    with open_table(path) as records:
        names = [name.upper() for name in records.names]
        if not names or records.dtype[0].kind not in "iu" or len(records) == 0:
            raise InputFileError(path, "no MOC: its table has no numbers of cells", NO_MOC)
        values = np.asarray(records[records.names[0]], np.int64).ravel()
        is_ranges = names[0] == "RANGE"
    if np.any(values < (0 if is_ranges else 4)) or (is_ranges and len(values) % 2):
        raise InputFileError(path, "no MOC: its numbers are those of no cells", NO_MOC)
    if is_ranges:
        step = 2 * (RANGE_ORDER - MOC_ORDER)
        first, end = values.reshape(-1, 2).T
        # A cell that is covered in part counts as covered.
        ranges = joined_ranges(np.column_stack([first >> step, -(-end >> step)]))
    else:
        ranges = moc_ranges(values, MOC_ORDER)
    return {"moc": ranges.ravel().tolist()}


def box_footprint(ra_min: float, ra_max: float, dec_min: float, dec_max: float) -> dict:
    """The footprint of a box in degrees, which may reach across right ascension 0."""
    return {"ra_min": ra_min, "ra_max": ra_max, "dec_min": dec_min, "dec_max": dec_max}
