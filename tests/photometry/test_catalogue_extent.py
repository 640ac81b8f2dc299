"""An image that has no star of its catalogue says where those are."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS

from exposures.catalogues import open_catalogue
from photometry.reduction.catalogue_astrometry import match_catalogue
from photometry.reduction.options import ReductionOptions
from tests.builders.fits_files import header, wcs_cards

SHAPE = (400, 600)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (1.0, "(the 20 of a.fits are at RA 149.9 to 150.1, Dec 29.9 to 30.1 degrees)"),
        (
            1 / 15,
            "Dec 29.9 to 30.1 degrees (such right ascensions may be hours)",
        ),
        (
            np.pi / 180,
            "Dec 0.5219 to 0.5253 degrees (such values may be radians)",
        ),
    ],
)
def test_an_image_without_a_star_of_its_catalogue_says_where_those_are(tmp_path, unit, words):
    there = np.linspace(-0.1, 0.1, 20)
    dec = (30 + there) * (unit if unit < 1 / 50 else 1)
    Table({"ra": (150 + there) * unit, "dec": dec}).write(tmp_path / "a.fits")
    wcs = WCS(header(wcs_cards(ra=150, dec=-30, shape=SHAPE)))
    chip = SimpleNamespace(wcs=wcs, shape=SHAPE)
    observation = SimpleNamespace(mjd=58000.0, filter="r")
    notes, catalogue = [], open_catalogue(tmp_path / "a.fits")
    match_catalogue(chip, observation, catalogue, None, ReductionOptions(), notes)
    assert notes[0].startswith("astrometry: no catalogue star on the chip; the header's WCS stands")
    assert words in notes[0]
