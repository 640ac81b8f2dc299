"""A night whose files hold values that no detector gives is measured as it is without them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from django.db import transaction
from scipy.spatial import cKDTree

from exposures.models import GalImage
from exposures.simulation import read_truth
from galproject.validation.recovery import assess
from photometry.models import GalSource
from tests.builders.processed_night import ONE_CCD, process

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
    """Process a chip on the reference and on a search image.

    Returns what is recovered of it, and the search image's magnitudes and their errors.
    """
    process(night, [night.reference], is_reference=True, ccds=ONE_CCD)
    results, _ = process(night, night.searches[:1], ccds=ONE_CCD)
    assert not any(result.failed for result in results)
    image = GalImage.objects.get(is_reference=False)
    rows = GalSource.objects.filter(galimage_id=image.pk).order_by("refsource_id")
    columns = np.array(list(rows.values_list("x", "y", "mag", "mag_err"))).T
    return assess(read_truth(night.truth)), columns


def in_both(one, other):
    """Columns (4, n) of the stars that two measurements of an image have, in one order."""
    distance, nearest = cKDTree(other[:2].T).query(one[:2].T)
    alike = distance < 0.1
    return one[:, alike], other[:, nearest[alike]]


def test_absurd_pixels_make_no_false_variables_and_leave_the_errors_as_they_are(night, tmp_path):
    with transaction.atomic():
        usual, usual_columns = measured(night)
        transaction.set_rollback(True)
    values = np.resize([1e20, -1e20, 1.6e38, 1e6, -1e6], 20)
    paths = [spoiled(path, tmp_path, values) for path in (night.reference, night.searches[0])]
    recovery, columns = measured(replace(night, reference=paths[0], searches=paths[1:]))
    assert recovery.n_false == 0
    (*_, usual_err), (*_, mag_err) = in_both(usual_columns, columns)
    assert len(mag_err) > 0.95 * usual_columns.shape[1]
    # Of single stars they aren't: which of 230 are taken for constant decides the curves of errors.
    assert np.median(mag_err / usual_err) == pytest.approx(1, abs=0.15)
    assert max(usual.pull_mad, recovery.pull_mad) < 1.2
    for image in GalImage.objects.all():
        said = [note for note in image.notes if "masked, whose values no sky or star" in note]
        # Some lie where there was a mask before; the reference has a cosmic ray that has none.
        assert 18 <= int(said[0].split()[1]) <= 26
        assert (image.correction or {}).get("error_scale", 1) < 1.5
