"""The whole pipeline on real images; skipped where there are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from exposures.fits import InputOptions
from exposures.made_from import is_published
from exposures.models import GalImage
from exposures.published.definitions import known_definitions
from exposures.published.loading import load_catalogue
from galproject.configuration.pipeline_options import PipelineOptions
from galproject.processing.pipeline import process_chip
from galproject.processing.stacking import plan_stack, stack_settings
from galproject.queue.runs import prepare, process_exposure
from photometry.models import GalReference, GalSource
from photometry.reduction.stack import stack_chip
from variables.light_curves.light_curves import light_curves_at
from variables.models import GalVarObj

HAT_P_32 = (31.0428, 46.6878)
# Frames of the night before, in and after the transit.
BEFORE, INSIDE, AFTER = (28,), (62, 70, 84), (112, 128)
REFERENCE = 105

pytestmark = pytest.mark.django_db


def triplets(real_data):
    return sorted((real_data / "decam_legacypipe_triplets").glob("*/*ooi*"))


def options_for(path):
    tiles = path.parent / "gaia"
    return PipelineOptions(catalogue=str(tiles) if tiles.is_dir() else "")


def test_every_decam_triplet_is_reduced_and_its_sources_found(real_data):
    paths = triplets(real_data)
    assert len(paths) >= 18
    for path in paths:
        for result in process_exposure(path, options_for(path), is_reference=True):
            assert not result.failed, result.error
            assert result.n_sources > 0
            assert 0.5 < result.fwhm_arcsec < 2.5
            assert GalSource.objects.measured_on(
                GalImage.objects.get(pk=result.image_id)
            ).count() == (result.n_sources)


def test_a_triplet_is_placed_by_its_tiles_in_the_database_as_by_their_folder(real_data):
    (path,) = (real_data / "decam_legacypipe_triplets" / "testcase8").glob("*ooi*")
    options = options_for(path)
    found = []
    load_catalogue(known_definitions()["gaia_dr3"], [Path(options.catalogue)])
    for used in (options, replace(options, catalogue="")):
        (chip,) = prepare([path], used, is_reference=True).image_ids
        assert not process_chip(chip, used, again=True).failed
        image = GalImage.objects.get(pk=chip)
        ra, dec = np.array(
            GalSource.objects.measured_on(image).order_by("pk").values_list("ra", "dec")
        ).T
        found.append((image.astrometric_rms_mas, image.zero_point, ra, dec, image.notes))
        assert any(map(is_published, image.files)) == (not used.catalogue)
    (rms, zero_point, ra, dec, notes), by_database = found
    assert 0 < rms < 60 and by_database[0] == pytest.approx(rms, abs=0.01)
    assert by_database[1] == pytest.approx(zero_point, abs=1e-5) != 25
    np.testing.assert_allclose(by_database[2], ra, rtol=0, atol=1e-8)
    np.testing.assert_allclose(by_database[3], dec, rtol=0, atol=1e-8)
    assert by_database[4] == notes


def test_cutout_with_few_stars_falls_back_and_says_so(real_data):
    folder = real_data / "decam_legacypipe_triplets" / "testcase6"
    reference, search = (
        folder / "c4d_181104_072440_ooi_g_ls9.S4.fits",
        folder / "c4d_181214_050844_ooi_g_ls9.S9.fits",
    )
    options = options_for(reference)
    process_exposure(reference, options, is_reference=True)
    (result,) = process_exposure(search, options)
    assert not result.failed, result.error
    notes = " ".join(result.notes)
    assert "correction: " in notes
    assert GalImage.objects.get(pk=result.image_id).correction["order"] < 4
    for step in ("psf", "astrometry", "zero point"):
        assert step in notes


@pytest.fixture
def night(real_data):
    """Some frames of the night of HAT-P-32, with a reference from after the transit."""
    folder = real_data / "hatp32_microobs"
    frames = sorted(folder.glob("HATP*.fits.fz"))
    options = PipelineOptions(
        input=InputOptions(gain=40.0), catalogue=str(folder / "tycho2_ref.fits")
    )
    process_exposure(frames[REFERENCE], options, is_reference=True)
    for index in BEFORE + INSIDE + AFTER:
        (result,) = process_exposure(frames[index], options)
        assert not result.failed, result.error


def test_stack_of_badly_sampled_frames_loses_hot_pixels_and_no_more_stars_than_they_hit(real_data):
    folder = real_data / "hatp32_microobs"
    frames = sorted(folder.glob("HATP*.fits.fz"))[:57:28]
    options = PipelineOptions(
        input=InputOptions(gain=40.0), catalogue=str(folder / "tycho2_ref.fits")
    )
    (inputs,) = plan_stack(frames, folder, options).chips.values()
    made = stack_chip(inputs, stack_settings(options))
    assert not made.notes
    found = made.first.detections
    bright = found.bright(200.0)
    row, column = (np.rint(c[bright]).astype(int) for c in (found.y, found.x))
    assert len(bright) > 50
    assert np.mean(made.stack.clipped[row, column] != 0) < np.mean(made.stack.clipped != 0) < 0.15
    hot = hot_pixels(made.frames[0])
    assert hot.sum() > 100
    assert np.mean(made.stack.clipped[hot] & 1) > 0.95


def hot_pixels(frame):
    """(ny, nx) single pixels that stand out, of those that all frames may have."""
    noise, data = np.sqrt(frame.variance), frame.data
    neighbours = maximum_filter(data, footprint=[[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    hot = (data > 20 * noise) & (neighbours < 0.2 * data)
    hot[:, :60] = hot[:, -60:] = hot[:60] = hot[-60:] = False
    return hot


def test_transit_of_hat_p_32_b_is_in_the_database(night):
    curve = light_curves_at(*HAT_P_32, 10)[0]
    mag = curve.mag[~curve.is_reference]
    assert len(mag) == len(BEFORE + INSIDE + AFTER)
    inside = slice(len(BEFORE), len(BEFORE + INSIDE))
    outside = np.delete(mag, np.arange(len(mag))[inside])
    assert 0.015 < np.median(mag[inside]) - np.median(outside) < 0.045
    assert night_noise_floor() < 0.010
    # 0.02 mag is no galvarobj; what passes all cuts on this night would be a discovery.
    assert GalVarObj.objects.accepted().of_reference().count() == 0
    # Nor is any star new, that was beside a hot pixel of the reference.
    assert not GalVarObj.objects.accepted().filter(kind=GalVarObj.Kind.NEW).exists()


def night_noise_floor():
    """Median scatter of the twenty brightest unsaturated stars that are on every frame."""
    first, last = GalReference.objects.get(active=True).id_range
    rows = GalSource.objects.filter(
        refsource_id__range=(first, last), is_reference=False, flags=0, quality__gt=0.95
    )
    curves = {}
    for source, mag in rows.values_list("refsource_id", "mag"):
        curves.setdefault(source, []).append(mag)
    n_frames = len(BEFORE + INSIDE + AFTER)
    whole = sorted((m for m in curves.values() if len(m) == n_frames), key=np.median)[:20]
    return np.median([1.4826 * np.median(np.abs(m - np.median(m))) for m in whole])
