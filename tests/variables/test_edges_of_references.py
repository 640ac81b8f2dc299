"""Changes near a reference's edge, beyond which the image has stars that are on no list."""

import numpy as np
import pytest

from photometry.references.measured import Measured
from photometry.storage.columns import SOURCE_DTYPE
from photometry.storage.reference_values import ReferenceValues
from variables.changes.detection import find_changes
from variables.science.selection import CUTS

SHAPE = (400, 400)
FWHM = 5.0
EDGE = 1 << CUTS.index("edge")


def faded(x_on_reference, shift):
    """Stars at y = 200 that lost half of their light on an image that is shifted in x."""
    x = np.asarray(x_on_reference, float)
    n = len(x)
    rows, sources = (np.zeros(n, SOURCE_DTYPE) for _ in range(2))
    for table, flux in ((rows, 5e3), (sources, 1e4)):
        table["flux"], table["flux_err"], table["mag"] = flux, 20, -2.5 * np.log10(flux) + 25
        table["mag_err"], table["rchi2"], table["fracflux"], table["quality"] = 0.005, 1, 1, 1
        table["y"] = 200
    sources["x"], rows["x"] = x, x + shift
    none = np.zeros(n, bool)
    values = ReferenceValues(sources["mag"], sources["mag_err"], none, ~none, none)
    return Measured(rows, sources, values, np.full(n, 25.0), rows["flux_err"])


@pytest.mark.parametrize(
    ("shift", "failed"),
    [
        (0.0, [0, 0, 0]),  # the image ends where the reference does
        (-30.0, [EDGE, EDGE, 0]),
        (30.0, [EDGE, EDGE, EDGE]),  # beyond the image's own edge
    ],
)
def test_change_is_doubted_where_stars_beyond_the_reference_are_near(shift, failed):
    changes = find_changes(faded([394, 390, 385], shift), SHAPE, SHAPE, fwhm_pixels=FWHM)
    assert changes.failed_cuts.tolist() == failed


def test_wide_seeing_reaches_farther_beyond_the_reference():
    measured = faded([385], -30)
    cuts = [
        find_changes(measured, SHAPE, SHAPE, fwhm_pixels=fwhm).failed_cuts.tolist()
        for fwhm in (5.0, 9.0, np.nan)
    ]
    assert cuts == [[0], [EDGE], [0]]
