"""Trails of satellites on search images: what they cover is flagged, and the flag can be undone."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from exposures.chip import MaskBit
from exposures.models import GalExposure, GalImage
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.removal import remove
from photometry.models import GalSource
from tests.builders.processed_night import ONE_CCD, process
from variables.changes.detection import count_variables
from variables.flags.marking import undo_flag
from variables.models import GalFlag, GalVarObj
from variables.science.artifacts import clipped

pytestmark = pytest.mark.django_db
TRAIL = np.array([[0, 60], [400, 350]])  # x, y where it enters and leaves


def with_trail(path, folder, peak=300.0, fwhm=6.0):
    """A copy of an exposure with a satellite's trail across one chip, in no mask."""
    for kind in "iwd":
        source = path.with_name(path.name.replace("_ooi_", f"_oo{kind}_"))
        copy = shutil.copy(source, folder)
        with fits.open(copy, mode="update") as hdus:
            y, x = np.indices(hdus[1].data.shape)
            step = TRAIL[1] - TRAIL[0]
            aside = ((y - TRAIL[0, 1]) * step[0] - (x - TRAIL[0, 0]) * step[1]) / np.hypot(*step)
            light = peak * np.exp(-4 * np.log(2) * (aside / fwhm) ** 2)
            if kind == "i":
                usable = hdus[1].data < 30_000
                hdus[1].data += np.where(usable, light, 0).astype("f4")
            if kind == "w":
                weight = hdus[1].data
                variance = 1 / np.where(weight > 0, weight, 1) + light / 4
                hdus[1].data = np.where(weight > 0, 1 / variance, 0).astype("f4")
    return folder / path.name


@pytest.fixture
def survey(processed):
    """The night where a trail across a twentieth of a chip is no reason to doubt all of it."""
    quality = processed.options.quality
    quality = replace(quality, doubt=replace(quality.doubt, doubled_share=1.0))
    return replace(processed, options=replace(processed.options, quality=quality))


def process_chip(survey, path, again=False):
    """Process the chip with the trail, on the reference of the night."""
    ((result,), _) = process(survey, [path], again=again, ccds=ONE_CCD)
    assert not result.failed, result.error


@pytest.fixture
def image(survey, tmp_path):
    """A chip of a search exposure with a trail, processed in the place of that without."""
    remove(GalExposure.objects.get(identifier="600001"))
    path = with_trail(survey.searches[0], tmp_path)
    process_chip(survey, path)
    return GalImage.objects.get(path=str(path))


def test_what_a_trail_covers_is_hidden_until_somebody_takes_the_flag_back(
    image, survey, admin_user
):
    assert image.doubts == []
    (flag,) = GalFlag.objects.filter(image=image)
    assert (flag.artifact, flag.state, flag.made_by) == ("trail", "standing", None)
    assert "lit along 100% of it" in flag.reason
    covered = GalVarObj.objects.filter(image=image, is_flagged=True, failed_cuts=0)
    n_hidden, n_variables = covered.count(), image.n_variables
    assert n_hidden >= 3
    assert n_variables == count_variables(image)
    assert any(note.startswith("trails: 1 found") for note in image.notes)
    under = GalSource.objects.measured_on(image).extra(
        where=[f"flags & {int(MaskBit.STREAK)} <> 0"]
    )
    assert under.count() >= n_hidden
    undo_flag(flag, admin_user)
    assert count_variables(image) == n_variables + n_hidden
    process_chip(survey, image.path, again=True)
    assert GalFlag.objects.get(image=image).state == "undone"
    assert count_variables(image) == n_variables + n_hidden


def test_made_again_an_image_has_the_flag_of_its_trail_once(image, survey):
    process_chip(survey, image.path, again=True)
    assert GalFlag.objects.filter(image=image).count() == 1
    reduction = replace(
        survey.options.reduction, trails=replace(survey.options.reduction.trails, search=False)
    )
    careless = replace(survey, options=replace(survey.options, reduction=reduction))
    process_chip(careless, image.path)
    assert not GalFlag.objects.filter(image=image).exists()
    image.refresh_from_db()
    assert image.n_variables >= 3
    assert PipelineOptions().reduction.trails.search


def test_a_region_is_cut_off_at_the_edges_of_the_chip():
    corners = np.array([[-20.0, 10.0], [30.0, 60.0], [20.0, 70.0], [-30.0, 20.0]])
    inside = clipped(corners, (50, 100))
    assert inside.min() == -0.5
    assert inside[:, 1].max() == 49.5
    on_edge = (inside[:, 0] == -0.5) | (inside[:, 1] == 49.5)
    slope = inside[:, 1] - inside[:, 0]
    assert np.all(on_edge)
    assert slope.min() == pytest.approx(30)
    assert slope.max() == pytest.approx(50)
    assert len(clipped(corners + 1000, (50, 100))) == 0
