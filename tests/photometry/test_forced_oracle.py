"""The forced fit against that of crowdsource (Schlafly et al. 2018, ApJS 234, 39)."""

import numpy as np
import pytest
from astropy.stats import mad_std

from photometry.science.forced.forced import ForcedOptions, ForcedStars, fit_fluxes
from tests.builders.crowded_scene import apart, observe, star_list, varying_psf
from tests.photometry.oracle import crowdsource_half_widths, fit_by_crowdsource

SHAPE = (300, 300)


@pytest.fixture(scope="module")
def scene():
    x, y, flux = star_list(700, SHAPE, seed=1)
    keep = apart(x, y, 1)
    return observe((x[keep], y[keep], flux[keep]), varying_psf(), SHAPE, seed=2)


@pytest.fixture(scope="module")
def theirs(scene):
    return fit_by_crowdsource(scene.image, scene.psf, scene.x, scene.y, refit_sky=False, niter=4)


@pytest.fixture
def ours(scene, monkeypatch):
    """Our fit on stamps of crowdsource's sizes, and without a sky."""
    half = crowdsource_half_widths(scene.image, scene.x, scene.y)
    monkeypatch.setattr("photometry.science.forced.forced.stamp_half_widths", lambda *_: half)
    monkeypatch.setattr(
        "photometry.science.forced.forced_sky.left_over_sky",
        lambda residual, *_: np.zeros_like(residual),
    )
    stars = ForcedStars(scene.x, scene.y, scene.flux, np.zeros(len(scene.x), int))
    return fit_fluxes(scene.image, scene.psf, stars, ForcedOptions(merge_pixels=0.0))


def test_fluxes_are_those_of_crowdsource(scene, ours, theirs):
    difference = np.abs(ours.flux - theirs["flux"]) / ours.flux_err
    assert np.median(difference) < 0.01
    assert np.percentile(difference, 99) < 0.1


def test_what_tells_of_a_fit_means_what_it_means_in_crowdsource(scene, ours, theirs):
    good = theirs["qf"] > 0.5
    assert np.abs(ours.quality - theirs["qf"])[good].max() < 0.01
    assert np.percentile(np.abs(ours.fracflux - theirs["fracflux"])[good], 95) < 0.01
    assert np.percentile(np.abs(ours.rchi2 / theirs["rchi2"] - 1)[good], 95) < 0.02


def test_our_errors_hold_where_those_of_crowdsource_ignore_neighbours(scene, ours, theirs):
    assert np.all(ours.flux_err[theirs["qf"] > 0.5] > 0.9 * theirs["dflux"][theirs["qf"] > 0.5])
    stars = ForcedStars(scene.x, scene.y, scene.flux, np.zeros(len(scene.x), int))
    fitted = fit_fluxes(scene.image, scene.psf, stars)
    good = (fitted.quality > 0.99) & (fitted.flags == 0)
    their_pulls = ((theirs["flux"] - scene.flux) / theirs["dflux"])[good]
    our_pulls = ((fitted.flux - scene.flux) / fitted.flux_err)[good]
    assert mad_std(our_pulls) < 1.1 < mad_std(their_pulls)
