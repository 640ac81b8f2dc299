"""Images that can't be reduced: each says why, before anything is fitted."""

import numpy as np
import pytest

from exposures.errors import InputFileError
from exposures.fits import read_chip, read_exposure
from photometry.reduction.reduction import reduce_chip
from photometry.science.detection.detection import DetectionOptions
from tests.builders.fits_files import write_plain

RNG = np.random.default_rng(16)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (RNG.normal(500, 10, (80, 1)), "it has 1 x 80 pixels, too few for a star"),
        (RNG.normal(500, 10, (1, 80)), "it has 80 x 1 pixels"),
        (RNG.normal(500, 10, (1, 1)), "it has 1 x 1 pixels"),
        (RNG.normal(500, 10, (10, 300)), "it has 300 x 10 pixels"),
        (np.full((80, 100), 500), "all its usable pixels are 500"),
        (np.zeros((80, 100)), "all its usable pixels are .*: this is no image"),
        (np.full((80, 100), np.nan), "all pixels are masked"),
        (np.full((80, 100), np.inf), "all pixels are masked"),
        (np.full((80, 100), 1e37), "all pixels are masked"),
    ],
)
def test_what_is_no_image_of_the_sky_says_why(tmp_path, pixels, words):
    path = write_plain(tmp_path / "a.fits", pixels.astype(np.float32))
    facts = read_exposure(path)
    with pytest.raises(InputFileError, match=words) as error:
        read_and_reduce(facts)
    assert str(path) in str(error.value)


def read_and_reduce(facts):
    return reduce_chip(read_chip(facts, facts.chips[0]), facts, None, DetectionOptions())
