"""Which of close stars changed: places without bias, true errors, odds that hold."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.builders.changed_stars import FLUX_ERR, FWHM, HALF, Scene, moffat, pair_of_stars
from variables.science.change_position import Differences, forced_changes, free_change
from variables.science.change_stamps import half_sides, peak_significance
from variables.science.changed_star import ChangedStarOptions, Doubt, NearbyStars, changed_star

RADIUS = 2.5 * FWHM
CATALOGUE_ERROR = 0.05  # pixels
SERIOUS = ~(Doubt.ONE_EPOCH)


@cache
def pulls_of_places(n_epochs):
    """(n, 2) free places less true ones, in sigma, of changes of 15 to 50 sigma."""
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(120):
        scene, changed = pair_of_stars(rng, rng.uniform(0.5, 2), rng.uniform(15, 50), n_epochs)
        found = free_change(Differences(scene.stamps(rng)), np.zeros((1, 2)), RADIUS, FWHM)
        off = np.array([found.x - scene.x[changed], found.y - scene.y[changed]])
        pulls.append(off / np.sqrt(np.diag(found.covariance)))
    return np.array(pulls)


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_places_of_changes_have_true_errors_though_noise_is_correlated(n_epochs):
    pulls = pulls_of_places(n_epochs)
    assert 0.9 < np.std(pulls) < 1.1
    assert np.abs(pulls.mean(axis=0)).max() < 3 / np.sqrt(len(pulls))


def named_right(seed, n, separations, sigmas, contrast=1.0, n_epochs=1):
    """(n, 2): the odds of what is most likely, and whether it is the star that changed."""
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(n):
        separation, sigma = rng.uniform(*separations), rng.uniform(*sigmas)
        scene, changed = pair_of_stars(rng, separation, sigma, n_epochs, contrast)
        found = changed_star(scene.stamps(rng), scene.stars(CATALOGUE_ERROR, rng), FWHM)
        odds = np.append(found.odds, found.odds_of_none)
        told.append((odds.max(), odds.argmax() == changed))
    return np.array(told).T


@pytest.mark.parametrize("contrast", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("sigmas", [(15, 25), (25, 50)])
def test_the_star_that_changed_is_named_among_stars_half_a_fwhm_to_two_apart(sigmas, contrast):
    _, is_right = named_right(5, 40, (0.5, 2), sigmas, contrast)
    assert is_right.mean() >= 0.95


def test_odds_are_right_as_often_as_they_say():
    # Closer and fainter than can be told for certain.
    odds, is_right = named_right(7, 160, (0.05, 0.4), (6, 15))
    for low, high in ((0.5, 0.75), (0.75, 0.95), (0.95, 1.0)):
        chosen = (odds >= low) & (odds < high)
        assert chosen.sum() > 15
        expected, error = odds[chosen].mean(), np.sqrt(low * (1 - low) / chosen.sum())
        assert is_right[chosen].mean() == pytest.approx(expected, abs=3 * max(error, 0.02))


def test_more_images_tell_the_place_better():
    rng = np.random.default_rng(2)
    scene, _ = pair_of_stars(rng, 1.0, 15, n_epochs=6)
    stamps = scene.stamps(rng)
    one, six = (
        free_change(Differences(some), np.zeros((1, 2)), RADIUS, FWHM).covariance
        for some in (stamps[:1], stamps)
    )
    # The reference's noise is the same in all, so that they don't gain all of the root of six.
    assert 1.1 < np.sqrt(np.trace(one) / np.trace(six)) < np.sqrt(6)


def test_forced_fluxes_are_those_of_the_change_at_its_place_and_less_elsewhere():
    rng = np.random.default_rng(4)
    x, y = np.array([0.3, 5.0]), np.array([-0.2, 1.0])
    changes = np.array([[40 * FLUX_ERR, -20 * FLUX_ERR], [0, 0]])
    scene = Scene(x, y, np.array([9000.0, 9000.0]), changes)
    forced = forced_changes(Differences(scene.stamps(rng)), x, y)
    np.testing.assert_allclose(forced.flux[0], changes[0], atol=4 * forced.flux_err[0].max())
    assert np.abs(forced.flux[1]).max() < 0.6 * np.abs(changes[0]).max()
    assert forced.fall[0] > 2 * forced.fall[1] > 0


def changed_alone(changes, flux=6000.0, x=0.2, y=0.1):
    """A Scene of one star."""
    return Scene(np.array([x]), np.array([y]), np.array([flux]), np.atleast_2d(changes))


def test_a_change_where_no_star_is_listed_is_of_none_of_them():
    rng = np.random.default_rng(6)
    stamps = changed_alone([30 * FLUX_ERR], x=4.0, y=3.0).stamps(rng)
    listed = NearbyStars(np.array([0.0, -5.0]), np.zeros(2), np.full(2, 5e3), np.full(2, 20.0))
    found = changed_star(stamps, listed, FWHM)
    assert found.odds_of_none > 0.99
    assert found.odds.sum() + found.odds_of_none == pytest.approx(1)


def test_no_star_fades_by_more_than_its_light():
    rng = np.random.default_rng(8)
    x, y, fade = np.array([0.0, 0.25]), np.zeros(2), 20 * FLUX_ERR
    scene = Scene(x, y, np.array([fade / 10, 4 * fade]), np.array([[0.0], [-fade]]))
    brighter = replace(scene, changes=-scene.changes)
    faded, brightened = (
        changed_star(one.stamps(rng), one.stars(0.2), FWHM).odds for one in (scene, brighter)
    )
    assert faded[0] < 0.02 < 0.1 < brightened[0]


def test_what_is_not_to_be_trusted_says_why():
    rng = np.random.default_rng(9)
    scene = changed_alone([40 * FLUX_ERR] * 2)
    stars = scene.stars()
    clean = changed_star(scene.stamps(rng), stars, FWHM)
    assert clean.doubts == Doubt(0) and clean.n_epochs == 2
    assert changed_star(scene.stamps(rng)[:1], stars, FWHM).doubts == Doubt.ONE_EPOCH
    masked = []
    for stamp in scene.stamps(rng):
        stamp.difference[:, : HALF + 1] = np.nan
        masked.append(stamp)
    assert Doubt.MASKED in changed_star(masked, stars, FWHM).doubts
    faint = changed_star(changed_alone([0.0, 0.0]).stamps(rng), stars, FWHM)
    assert Doubt.FAINT in faint.doubts and faint.position is None
    assert np.isnan(faint.covariance).all()
    edge = changed_alone([40 * FLUX_ERR] * 2, x=RADIUS - 0.2)
    assert Doubt.EDGE in changed_star(edge.stamps(rng), stars, FWHM).doubts


def test_a_neighbour_that_varies_as_well_is_a_doubt():
    rng = np.random.default_rng(10)
    changes = FLUX_ERR * np.array([[40.0, 25.0], [20.0, -30.0]])
    scene = Scene(np.array([0.0, 6.0]), np.zeros(2), np.full(2, 9e3), changes)
    found = changed_star(scene.stamps(rng), scene.stars(), FWHM)
    assert Doubt.SECOND in found.doubts


def test_a_star_that_moved_is_a_doubt():
    rng = np.random.default_rng(11)
    stamps = [
        replace(stamp, difference=stamp.difference + 4e4 * (moffat(0.2, 0.1) - moffat(0, 0)))
        for stamp in changed_alone([0.0, 0.0], flux=4e4).stamps(rng)
    ]
    stars = changed_alone([0.0], flux=4e4, x=0.0, y=0.0).stars()
    assert Doubt.MOVES in changed_star(stamps, stars, FWHM).doubts


def test_masked_pixels_carry_no_information():
    rng = np.random.default_rng(12)
    (stamp,) = changed_alone([40 * FLUX_ERR]).stamps(rng)
    stamp.difference[3:6, 4:9] = np.nan
    spoilt = replace(
        stamp, difference=stamp.difference.copy(), search_variance=stamp.search_variance.copy()
    )
    spoilt.search_variance[3:6, 4:9] = 0
    a, b = (
        free_change(Differences([one]), np.zeros((1, 2)), RADIUS, FWHM) for one in (stamp, spoilt)
    )
    assert (a.x, a.y) == (b.x, b.y)


@pytest.mark.parametrize("is_sharper", [True, False])
def test_a_quick_look_tells_the_significance_to_a_fifth(is_sharper):
    rng = np.random.default_rng(13)
    scene = replace(changed_alone([30 * FLUX_ERR]), is_reference_sharper=is_sharper)
    (stamp,) = scene.stamps(rng)
    place = free_change(Differences([stamp]), np.zeros((1, 2)), RADIUS, FWHM)
    fwhm = (3.2, FWHM) if is_sharper else (FWHM, 3.2)
    quick = peak_significance(stamp, fwhm, RADIUS)
    assert quick == pytest.approx(float((place.flux / place.flux_err)[0]), rel=0.2)
    assert (
        peak_significance(
            replace(stamp, difference=np.full_like(stamp.difference, np.nan)), fwhm, RADIUS
        )
        == 0
    )


def test_stamps_are_as_large_as_the_search_needs():
    half, psf_half = half_sides(4.0)
    assert half > ChangedStarOptions().radius_fwhm * 4.0 and psf_half <= half
