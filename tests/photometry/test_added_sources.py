"""Sources added to a reference are measured beside the others, which stay as they were."""

import numpy as np
import pytest

from photometry.reduction.added_sources import fit_with_added
from photometry.reduction.options import ReductionOptions
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from tests.photometry.test_residual_peaks import N_LISTED, N_NEW, PSF, scene_with_new

OPTIONS = ReductionOptions()


@pytest.fixture(scope="module")
def fits():
    """A scene, the fit without the new stars, and that where they are added in between."""
    scene = scene_with_new(seed=1, n_sigma=30)
    order = np.random.default_rng(3).permutation(len(scene.x))
    stars = ForcedStars(
        scene.x[order], scene.y[order], scene.flux[order], np.zeros(len(order), int)
    )
    added = order >= N_LISTED
    listed = ForcedStars(
        *(column[~added] for column in (stars.x, stars.y, stars.share, stars.catalogue))
    )
    before = fit_fluxes(scene.image, PSF, listed, OPTIONS.forced, free_shift=True)
    return scene, stars, added, before, fit_with_added(scene.image, PSF, stars, added, OPTIONS)


def test_the_others_are_measured_as_they_were_before(fits):
    _, _, added, before, fit = fits
    for name in ("flux", "flux_err", "rchi2", "fracflux", "quality", "flags"):
        assert np.array_equal(getattr(fit, name)[~added], getattr(before, name))


def test_fluxes_of_added_sources_are_unbiased_with_honest_errors(fits):
    _, stars, added, _, fit = fits
    assert added.sum() == N_NEW
    pulls = ((fit.flux - stars.share) / fit.flux_err)[added]
    assert abs(np.median(pulls)) < 0.5
    assert 0.6 < np.median(np.abs(pulls)) / 0.6745 < 1.5


def test_the_model_has_their_light(fits):
    scene, stars, added, before, fit = fits
    x, y = (np.round(c[added]).astype(int) for c in (stars.x, stars.y))
    left_before, left = (np.abs((scene.data - f.model)[y, x]) for f in (before, fit))
    assert np.median(left) < 0.3 * np.median(left_before)


def test_added_sources_off_the_image_have_no_flux(fits):
    scene, stars, added, before, _ = fits
    moved = ForcedStars(np.where(added, -300.0, stars.x), stars.y, stars.share, stars.catalogue)
    fit = fit_with_added(scene.image, PSF, moved, added, OPTIONS)
    assert np.isnan(fit.flux[added]).all()
    assert (fit.quality[added] == 0).all()
    assert np.array_equal(fit.flux[~added], before.flux)
