"""What a set of images says of sources whose true brightness is known."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.stats import mad_std

from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.stacking.reference_mean import (
    DISAGREE,
    MEMBER_OUTLYING,
    PRIMARY_AT_FAULT,
    PRIMARY_UNUSABLE,
    ReferenceSetOptions,
    reference_means,
)

ZERO_POINT = 25.0
ERROR = 0.02  # relative


def observe(true_mag, n_images, seed=1, error=ERROR):
    """Flux and its error (n, m) of stars of constant magnitudes."""
    rng = np.random.default_rng(seed)
    true = 10 ** (-0.4 * (np.asarray(true_mag, float)[:, None] - ZERO_POINT))
    true = np.repeat(true, n_images, axis=1)
    return true * (1 + rng.normal(0, error, true.shape)), error * true


DEFAULTS = ReferenceSetOptions()


def means(flux, flux_err, usable=None, options=DEFAULTS):
    usable = np.ones(flux.shape, bool) if usable is None else usable
    return reference_means(flux, flux_err, usable, ZERO_POINT, options)


def fainter(flux, column, mag):
    """Fluxes as if one image had all sources fainter by a number of magnitudes."""
    flux = flux.copy()
    flux[:, column] *= 10 ** (-0.4 * mag)
    return flux


def test_the_mean_of_constant_stars_is_right_and_its_uncertainty_says_how_much():
    mag = np.random.default_rng(2).uniform(15, 21, 4000)
    options = ReferenceSetOptions(error_floor=0.0)
    found = means(*observe(mag, 4), options=options)
    pull = (found.mag - mag) / found.mag_err
    assert mad_std(pull) == pytest.approx(1, abs=0.05)
    assert np.median(found.mag_err) == pytest.approx(MAG_PER_LN * ERROR / 2, rel=0.05)
    assert np.median(found.scatter) == pytest.approx(MAG_PER_LN * ERROR, rel=0.15)
    assert (found.flags == 0).mean() > 0.999 and (found.n_used == 4).mean() > 0.99


def test_no_uncertainty_of_a_mean_is_below_the_floor():
    assert means(*observe(np.full(100, 16.0), 9)).mag_err.min() >= 0.01 - 1e-9


@pytest.mark.parametrize("mag", [-1.0, 1.0])
def test_a_primary_that_is_alone_with_its_value_is_at_fault(mag):
    true = np.linspace(15, 21, 500)
    flux, flux_err = observe(true, 3)
    found = means(fainter(flux, 0, mag), flux_err)
    assert (found.flags == PRIMARY_AT_FAULT).all() and (found.outlying == 0).all()
    assert np.abs(found.mag - true).max() < 0.08 and (found.n_used == 2).all()


def test_a_member_that_is_alone_with_its_value_is_named_and_left_out():
    true = np.linspace(15, 21, 500)
    flux, flux_err = observe(true, 4)
    found = means(fainter(flux, 2, -0.8), flux_err)
    assert (found.flags == MEMBER_OUTLYING).all() and (found.outlying == 2).all()
    assert np.abs(found.mag - true).max() < 0.08 and (found.n_used == 3).all()


def test_two_of_five_that_are_off_are_both_left_out():
    true = np.linspace(15, 21, 500)
    flux, flux_err = observe(true, 5)
    found = means(fainter(fainter(flux, 0, -1.2), 3, 0.7), flux_err)
    assert (found.flags == PRIMARY_AT_FAULT).all() and (found.n_used == 3).all()
    assert np.abs(found.mag - true).max() < 0.08


def test_an_artifact_where_no_star_is_leaves_hardly_any_light():
    rng = np.random.default_rng(3)
    flux = rng.normal(0, 10, (300, 3))
    flux[:, 0] += 2000
    found = means(flux, np.full(flux.shape, 10.0))
    assert (found.flags == PRIMARY_AT_FAULT).all()
    assert (found.mag_err > MAG_PER_LN / 5).all()  # below five sigma
    assert np.isfinite(found.mag).all()


def test_of_a_star_that_varies_on_all_images_the_primary_tells_the_magnitude():
    flux, flux_err = observe(np.full(200, 17.0), 3)
    flux = fainter(fainter(flux, 1, 0.5), 2, 1.1)
    found = means(flux, flux_err)
    assert (found.flags == DISAGREE).all() and (found.outlying == -1).all()
    assert found.mag == pytest.approx(ZERO_POINT - 2.5 * np.log10(flux[:, 0]))
    assert (found.scatter > 0.3).all()


def test_two_images_that_differ_can_not_tell_which_is_at_fault():
    flux, flux_err = observe(np.full(200, 17.0), 2)
    found = means(fainter(flux, 0, -1), flux_err)
    assert (found.flags == DISAGREE).all()
    assert found.mag == pytest.approx(16, abs=0.1)


def test_a_poor_image_is_no_witness():
    """One good image against the primary, and one that agrees with both, settles nothing."""
    flux, flux_err = observe(np.full(200, 17.0), 3)
    flux = fainter(flux, 0, -0.5)
    flux_err[:, 2] *= 20
    assert (means(flux, flux_err).flags == DISAGREE).all()


def test_images_without_a_good_measurement_are_not_asked():
    flux, flux_err = observe(np.full(50, 17.0), 4)
    usable = np.ones(flux.shape, bool)
    usable[:, 0] = False
    found = means(fainter(flux, 0, -3), flux_err, usable)
    assert (found.flags == PRIMARY_UNUSABLE).all() and (found.n_images == 3).all()
    assert found.mag == pytest.approx(17, abs=0.08)


def test_a_small_difference_leaves_the_primary_its_own_value():
    """Not enough to be a change on the primary: what differs from it must not be lost."""
    true = np.full(300, 17.0)
    flux, flux_err = observe(true, 3, error=0.003)
    found = means(fainter(flux, 0, 0.18), flux_err, options=ReferenceSetOptions(fault_sigma=20))
    assert (found.flags == DISAGREE).all() and found.mag == pytest.approx(17.18, abs=0.05)
    strict = replace(ReferenceSetOptions(), fault_sigma=10.0)
    assert (means(fainter(flux, 0, 0.18), flux_err, options=strict).flags == 1).all()


def test_no_sources_are_no_error():
    found = means(np.zeros((0, 3)), np.zeros((0, 3)))
    assert len(found.mag) == len(found.flags) == 0
