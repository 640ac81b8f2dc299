"""Errors of PSFs are those that the residual beside bright stars has, within bounds."""

import numpy as np
import pytest

from photometry.science.detection.matched_filter import summed_squares
from photometry.science.detection.psf_errors import shares_of_errors
from photometry.science.pixel_positions import PixelPositions

SHAPE, FWHM, HALF = (300, 300), 4.0, 20
SIDE = np.arange(-HALF, HALF + 1)
TABLE = (0.02 * np.exp(-(SIDE**2 + SIDE[:, None] ** 2) / (2 * FWHM**2))) ** 2
X, Y = (c.ravel().astype("f8") for c in np.meshgrid(np.arange(40, 300, 60), np.arange(40, 300, 60)))
STARS = PixelPositions(X, Y)
FLUX = np.full(len(X), 5000.0)  # errors of up to 100 ADU
LEAST = 0.25


def images_with(errors, noise=0.1):
    """Images where the PSF of star k is too bright by ``errors[k]`` of what is assumed.

    ``noise`` is that of the flux of a star, ADU.
    """
    assumed = summed_squares(X, Y, FLUX, TABLE, SHAPE)
    own = summed_squares(X, Y, FLUX * errors, TABLE, SHAPE)
    flux = -np.sqrt(own) + np.random.default_rng(1).normal(0, noise, SHAPE)
    information = np.full(SHAPE, 1 / noise**2, "f4")
    return (flux * information).astype("f4"), information, np.ones(SHAPE, "f4"), assumed


def shares(images, flux=FLUX):
    return shares_of_errors(images, STARS, flux, TABLE, FWHM, LEAST)


def test_the_share_is_that_by_which_the_psf_is_wrong():
    np.testing.assert_allclose(shares(images_with(np.full(len(X), 0.6))), 0.6, atol=5e-3)


def test_a_star_whose_psf_is_worse_has_an_error_of_its_own_and_none_a_smaller_one_than_all():
    errors = np.full(len(X), 0.5)
    errors[3], errors[7] = 0.9, 0.1
    found = shares(images_with(errors))
    assert found[3] == pytest.approx(0.9, abs=5e-3)
    others = np.delete(found, 3)
    np.testing.assert_allclose(others, np.sqrt(np.mean(errors**2)), atol=5e-3)


def test_shares_are_from_the_least_to_one():
    assert np.all(shares(images_with(np.zeros(len(X)))) == LEAST)
    assert np.all(shares(images_with(np.full(len(X), 1.7))) == 1)


def test_noise_is_no_error_of_a_psf():
    together = shares(images_with(np.full(len(X), 0.6), noise=5.0)).min()
    assert together == pytest.approx(0.6, abs=0.03)


def test_light_that_the_model_lacks_is_no_error_of_a_psf():
    errors = np.full(len(X), 0.5)
    images = images_with(errors)
    images[0][100, 102] = 1e4  # a new star, two pixels from one at 100, 100
    np.testing.assert_allclose(shares(images), 0.5, atol=5e-3)


def test_without_enough_pixels_that_tell_errors_are_as_assumed():
    images = images_with(np.full(len(X), 0.5))
    assert np.all(shares(images, np.full(len(X), 1.0)) == 1)  # fainter than the noise
    assert np.all(shares(images, np.full(len(X), np.nan)) == 1)
    images[2][:] = 0  # no pixel is of use
    assert np.all(shares(images) == 1)


def test_stars_beyond_the_edge_tell_nothing():
    images = images_with(np.full(len(X), 0.5))
    beyond = PixelPositions(np.append(X, [-3.0, 400.0]), np.append(Y, [100.0, 400.0]))
    found = shares_of_errors(images, beyond, np.append(FLUX, [1e6, 1e6]), TABLE, FWHM, LEAST)
    np.testing.assert_allclose(found, 0.5, atol=5e-3)
