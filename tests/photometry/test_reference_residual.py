"""A reference's residual, as it is kept, has the light of stars that its list lacks."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.science.detection.peak_fit import Residual
from photometry.science.pixel_positions import PixelPositions
from photometry.science.reference_residual import STEP, UNUSABLE, ReferenceResidual
from tests.photometry.test_residual_peaks import (
    N_LISTED,
    PSF,
    SHAPE,
    residual_of,
    scene_with_new,
    sigma_alone,
)

ZERO_POINT, FIT_FWHM = 30.0, 2.0


@pytest.fixture(scope="module")
def scene():
    return scene_with_new(seed=4, n_sigma=6.0)


@pytest.fixture(scope="module")
def fitted(scene):
    """The residual of the fit of the listed stars, and their places."""
    return residual_of(scene, N_LISTED)


@pytest.fixture(scope="module")
def kept(fitted):
    return ReferenceResidual.of(fitted[0], PSF, ZERO_POINT, FIT_FWHM)


def light(kept, scene, listed):
    """Fluxes and errors of the stars that are not listed, in ADU."""
    places = PixelPositions(scene.x[N_LISTED:], scene.y[N_LISTED:])
    return kept.light_at(listed.positions, places, ZERO_POINT)


def test_pixels_are_kept_to_half_a_step_of_their_noise(fitted, kept):
    residual, again = fitted[0], kept.residual()
    noise = 1 / np.sqrt(again.weight)
    inside = np.abs(residual.data) < 60 * noise
    assert inside.mean() > 0.999
    assert np.all(np.abs(again.data - residual.data)[inside] <= 0.501 * STEP * noise[inside])
    # Some share a noise, where it changes from pixel to pixel.
    assert np.median(np.abs(noise * np.sqrt(residual.weight) - 1)) < 0.025


@pytest.mark.parametrize("n_sigma", [4.0, 6.0])
def test_a_star_that_the_list_lacks_has_its_light_in_its_place_within_the_errors(n_sigma):
    scene = scene_with_new(seed=4, n_sigma=n_sigma)
    residual, listed = residual_of(scene, N_LISTED)
    kept = ReferenceResidual.of(residual, PSF, ZERO_POINT, FIT_FWHM)
    flux, error = light(kept, scene, listed)
    pulls = (flux - n_sigma * sigma_alone()) / error
    assert np.abs(pulls.mean()) < 3 / np.sqrt(len(pulls))
    assert 0.7 < np.sqrt(np.mean(pulls**2)) < 1.3


def test_where_there_is_no_star_there_is_no_light(scene, fitted, kept):
    rng = np.random.default_rng(9)
    places = PixelPositions(*rng.uniform(20, min(SHAPE) - 20, (2, 400)))
    far = np.min(np.hypot(scene.x - places.x[:, None], scene.y - places.y[:, None]), axis=1) > 6
    flux, error = kept.light_at(
        fitted[1].positions, PixelPositions(places.x[far], places.y[far]), ZERO_POINT
    )
    pulls = flux / error
    assert far.sum() > 50
    assert np.abs(pulls.mean()) < 4 / np.sqrt(far.sum())
    assert 0.8 < pulls.std() < 1.2


def test_masked_pixels_have_no_light_and_a_place_without_pixels_is_not_known(scene, fitted):
    residual, listed = fitted
    weight, data = residual.weight.copy(), residual.data.copy()
    x, y = scene.x[N_LISTED], scene.y[N_LISTED]
    hole = np.s_[int(y) - 30 : int(y) + 31, int(x) - 30 : int(x) + 31]
    weight[hole], data[hole] = 0, np.nan
    kept = ReferenceResidual.of(
        Residual(data, weight, residual.mask, residual.model), PSF, ZERO_POINT, FIT_FWHM
    )
    assert np.all(kept.levels[hole] == UNUSABLE)
    assert np.count_nonzero(kept.levels == UNUSABLE) == np.count_nonzero(weight == 0)
    flux, error = light(kept, scene, listed)
    assert np.isnan(flux[0])
    assert np.isnan(error[0])
    assert np.isfinite(flux[1:]).sum() > 30


def test_light_is_in_units_of_the_zero_point(scene, fitted, kept):
    places = PixelPositions(scene.x[N_LISTED:], scene.y[N_LISTED:])
    flux, error = kept.light_at(fitted[1].positions, places, ZERO_POINT)
    fainter, less = kept.light_at(fitted[1].positions, places, ZERO_POINT - 2.5)
    assert fainter == pytest.approx(flux / 10)
    assert less == pytest.approx(error / 10)


def test_an_image_without_a_usable_pixel_is_refused(fitted):
    nothing = replace(fitted[0], weight=np.zeros(SHAPE, "f4"))
    with pytest.raises(ValueError, match="no pixel has weight"):
        ReferenceResidual.of(nothing, PSF, ZERO_POINT, FIT_FWHM)
