"""What makes the magnitudes of single sources absolute."""

from dataclasses import dataclass

import numpy as np

from exposures.source_ids import catalogue_of
from photometry.models import GalZeroPoint


@dataclass(frozen=True)
class AbsoluteOffset:
    """What to add to all magnitudes of a source, to have them in a published band."""

    mag: float
    error: float  # mag, the same of all measurements
    by_colour: bool  # of the star; else it is taken to have the colour of most stars
    zero_point: GalZeroPoint

    @property
    def source(self) -> str:
        """What it is by, in words."""
        how = "" if self.by_colour or not self.zero_point.colour_terms else ", colour not known"
        return f"{self.zero_point.source}{how}"


def absolute_offsets(refsource_ids) -> dict[int, AbsoluteOffset]:
    """{id of a source: its AbsoluteOffset}, of those whose reference has a zero point."""
    ids = list(refsource_ids)
    best = GalZeroPoint.objects.best_of({int(catalogue_of(pk)) for pk in ids})
    found = {}
    for pk in ids:
        zero_point = best.get(int(catalogue_of(pk)))
        if zero_point is not None:
            found[pk] = _offset(zero_point, np.nan)
    return found


def _offset(zero_point, colour):
    fitted, none = zero_point.fitted, np.zeros(1)
    mag, error = fitted.absolute(none, none, np.array([colour]))
    by_colour = bool(np.isfinite(fitted.colour_correction(np.array([colour])))[0])
    return AbsoluteOffset(float(mag[0]), float(error[0]), by_colour, zero_point)
