"""A night whose files hold values that no detector gives is measured as it is without them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from django.db import transaction

from exposures.models import GalImage
from exposures.simulation import read_truth
from galproject.validation.recovery import assess
from tests.builders.processed_night import process

pytestmark = pytest.mark.django_db


def spoiled(path, folder, values):
    """A copy of an exposure with these values at some pixels, which have the weight of the sky."""
    for kind in "iwd":
        source = path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))
        copy = shutil.copy(source, folder)
        if kind == "d":
            continue
        rng = np.random.default_rng(5)
        with fits.open(copy, mode="update") as hdus:
            for hdu in hdus[1:]:
                place = tuple(rng.integers(0, side, len(values)) for side in hdu.data.shape)
                hdu.data[place] = values if kind == "i" else np.median(hdu.data)
    return folder / path.name


def measured(night):
    """Process the night; what is recovered of it.

    All of it: of some 200 stars on an image, errors turn on which are taken for constant.
    """
    process(night, [night.reference], is_reference=True)
    results, _ = process(night, night.searches)
    assert not any(result.failed for result in results)
    return assess(read_truth(night.truth))


def test_absurd_pixels_make_no_false_variables_and_leave_the_errors_as_they_are(night, tmp_path):
    with transaction.atomic():
        usual = measured(night)
        transaction.set_rollback(True)
    values = np.resize([1e20, -1e20, 1.6e38, 1e6, -1e6], 20)
    paths = [spoiled(path, tmp_path, values) for path in (night.reference, *night.searches)]
    recovery = measured(replace(night, reference=paths[0], searches=paths[1:]))
    assert recovery.n_false == 0
    assert recovery.pull_mad == pytest.approx(usual.pull_mad, rel=0.1)
    for image in GalImage.objects.all():
        said = [note for note in image.notes if "masked, whose values no sky or star" in note]
        # Some lie where there was a mask before; the reference has a cosmic ray that has none.
        assert 18 <= int(said[0].split()[1]) <= 26
        assert (image.correction or {}).get("error_scale", 1) < 1.5
