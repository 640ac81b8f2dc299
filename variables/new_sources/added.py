"""The rows by which stars that a reference missed become sources of it."""

from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_in
from exposures.chip import MaskBit
from photometry.models import GalReference
from photometry.reduction.added_sources import ADDED
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.storage.columns import SOURCE_DTYPE, STAR_COLUMNS

ERROR_FLOOR = 0.01  # mag, of a mean of detections


@dataclass(frozen=True)
class ReferenceRow:
    """The row of galsources that makes a new source one of its reference."""

    refsource_id: int
    ra: float
    dec: float
    columns: dict[str, float]  # STAR_COLUMNS

    @classmethod
    def left_over(cls, source, star) -> "ReferenceRow":
        """That of a star which the reference's own fit left over: as it was measured there."""
        columns = {name: star[name] for name in STAR_COLUMNS}
        columns |= {"x": source.x, "y": source.y, "flags": int(star["flags"]) | ADDED}
        return cls(source.pk, source.ra, source.dec, columns)

    @classmethod
    def of_mean(cls, source, mag: float, relative_error: float) -> "ReferenceRow":
        """That of a star of which the reference itself tells nothing: the mean of detections."""
        zero_point = source.catalogue.image.zero_point or 0.0
        flux = 10 ** (-0.4 * (mag - zero_point))
        mag_err = np.hypot(MAG_PER_LN * relative_error, ERROR_FLOOR)
        columns = {"x": source.x, "y": source.y, "flux": flux, "flux_err": relative_error * flux}
        columns |= {"mag": mag, "mag_err": mag_err, "rchi2": 1.0, "fracflux": 1.0, "quality": 1.0}
        columns |= {"flags": ADDED | int(MaskBit.NO_VALUE)}
        return cls(source.pk, source.ra, source.dec, columns)


def insert_rows(catalogue: GalReference, rows: list[ReferenceRow]) -> None:
    """Make new sources sources of their reference, of which other rows stay as they are."""
    if not rows:
        return
    table = np.zeros(len(rows), SOURCE_DTYPE)
    table["galimage_id"], table["mjd"] = catalogue.image_id, catalogue.image.exposure.mjd
    table["is_reference"] = True
    for name in ("refsource_id", "ra", "dec"):
        table[name] = [getattr(row, name) for row in rows]
    for name in STAR_COLUMNS:
        table[name] = [row.columns[name] for row in rows]
    copy_in("galsources", table)
