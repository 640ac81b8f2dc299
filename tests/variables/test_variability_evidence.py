"""Evidence of variability: of noise none, of what conditions do little, of pairs that of both."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from exposures.science.barycentre import ObservatoryOptions
from variables.science.variability.blends import Neighbours, pair_sums
from variables.science.variability.conditions import airmass, standard_conditions
from variables.science.variability.dependence import chance_inflation, chance_of_dependence
from variables.science.variability.evidence import Circumstances, evidence_of

N, N_IMAGES, ERROR = 3000, 60, 0.02


def noise(seed=1, n_images=N_IMAGES):
    """Circumstances, magnitudes of constant stars and their errors, and the seeing."""
    rng = np.random.default_rng(seed)
    mjd = 60000 + np.sort(rng.uniform(0, 400, n_images))
    seeing = np.exp(rng.normal(0, 0.2, n_images))
    conditions = standard_conditions({"seeing": seeing, "sky": rng.uniform(1, 2, n_images)})
    mag = 17 + rng.normal(0, ERROR, (N, n_images))
    return Circumstances(mjd, conditions), mag, np.full_like(mag, ERROR), seeing


def evidence(circumstances, mag, mag_err):
    return evidence_of(circumstances, mag, mag_err, np.full(len(mag), 0.2))


def test_noise_has_the_evidence_of_noise():
    found = evidence(*noise()[:3])
    assert found.n_free.max() == N_IMAGES - 1
    assert np.mean(found.chi2_nu) == pytest.approx(1, abs=0.02)
    assert np.mean(found.smoothness) == pytest.approx(0, abs=0.15)
    assert np.std(found.smoothness) == pytest.approx(1, abs=0.12)
    assert np.mean(found.trend) == pytest.approx(57 / 55, abs=0.1)
    assert found.follows.mean() < 3e-3


def test_one_cosmic_ray_is_little_evidence():
    circumstances, mag, mag_err, _ = noise()
    mag[:, 7] -= 2.0
    assert np.mean(evidence(circumstances, mag, mag_err).chi2_nu) < 1.4


def test_smooth_changes_and_trends_are_seen_as_such():
    circumstances, mag, mag_err, _ = noise()
    days = circumstances.mjd - circumstances.mjd.mean()
    mag[: N // 2] += 0.05 * np.sin(2 * np.pi * days / 100)
    mag[N // 2 :] += 0.05 * days / 200
    found = evidence(circumstances, mag, mag_err)
    assert np.median(found.smoothness[: N // 2]) > 3
    assert np.median(found.trend[N // 2 :]) > 20


def test_what_follows_the_seeing_is_recognised_and_hardly_counts():
    circumstances, mag, mag_err, seeing = noise()
    mag[: N // 2] += 0.1 * (seeing - 1)
    mag[N // 2 :] += np.random.default_rng(2).permutation(0.1 * (seeing - 1))
    found = evidence(circumstances, mag, mag_err)
    assert found.follows[: N // 2].mean() > 0.95 and found.follows[N // 2 :].mean() < 0.05
    assert np.median(found.followed[: N // 2]) > 0.35
    assert np.median(found.chi2_nu[: N // 2]) < 1.1 < np.median(found.chi2_nu[N // 2 :])


def night(seed=5):
    """A night of drifting, with a seeing that changes from image to image; and constant stars."""
    rng = np.random.default_rng(seed)
    hours = np.linspace(0, 7, 120)
    seeing = np.exp(rng.normal(0, 0.1, 120))
    drift = {"x": hours + 0.02 * hours**2, "y": -((hours - 4) ** 2), "sky": np.cosh(hours / 3 - 1)}
    conditions = standard_conditions({"seeing": seeing, **drift})
    mag = 15 + rng.normal(0, ERROR, (500, 120))
    return Circumstances(60000 + hours / 24, conditions), mag, np.full_like(mag, ERROR), seeing


def test_an_eclipse_does_not_follow_the_drift_that_it_resembles():
    circumstances, mag, mag_err, _ = night()
    hours = 24 * (circumstances.mjd - 60000)
    middle = np.linspace(1, 6, len(mag))[:, None]
    mag += 0.08 * np.exp(-0.5 * ((hours - middle) / 0.8) ** 2)
    found = evidence(circumstances, mag, mag_err)
    assert found.follows.mean() < 0.02 and np.median(found.smoothness) > 5


def test_what_follows_the_seeing_within_a_night_is_still_recognised():
    circumstances, mag, mag_err, seeing = night()
    hours = 24 * (circumstances.mjd - 60000)
    mag += 0.3 * (seeing - 1) + 0.01 * np.sin(2 * np.pi * hours / 5)
    assert evidence(circumstances, mag, mag_err).follows.mean() > 0.95


def test_noise_depends_on_conditions_by_chance_as_often_as_it_is_told():
    circumstances, mag, mag_err, _ = night()
    seeing = circumstances.conditions[:2]
    assert np.mean(chance_of_dependence(mag - 15, mag_err, seeing) < 0.1) == pytest.approx(
        0.1, abs=0.04
    )
    # Of what is smooth itself less is left that noise could follow.
    assert np.mean(chance_of_dependence(mag - 15, mag_err, circumstances.conditions) < 0.1) < 0.1
    unknown = np.full((1, 120), np.nan)
    assert chance_of_dependence(unknown, unknown, circumstances.conditions) == [1.0]


def test_smooth_curves_resemble_smooth_conditions_and_noise_does_not():
    circumstances, mag, mag_err, _ = night()
    rng = np.random.default_rng(6)
    walks = np.cumsum(rng.normal(size=(500, 120)), axis=1)
    walks -= walks.mean(axis=1, keepdims=True)
    inflation = chance_inflation(walks, circumstances.conditions)
    seeing, drift = inflation[:, 0], inflation[:, 2]
    assert np.median(seeing) < 1.5 and np.median(drift) > 5
    assert np.median(chance_inflation((mag - 15) / mag_err, circumstances.conditions)) < 1.3


@pytest.mark.parametrize("n_stars", [0, 3])
def test_conditions_of_as_few_images_are_as_noise(n_stars):
    rng = np.random.default_rng(5)
    pulls, conditions = rng.normal(0, 1, (n_stars, 5)), rng.normal(0, 1, (5, 5))
    inflation = chance_inflation(pulls, conditions)
    assert inflation.shape == (n_stars, 5)
    assert (inflation[:, 4] == 1).all()


def test_few_epochs_tell_of_no_condition_and_fewer_of_nothing():
    circumstances, mag, mag_err, seeing = noise(n_images=9)
    mag += 0.5 * (seeing - 1)
    mag[0, 4:] = np.nan
    found = evidence(circumstances, mag, mag_err)
    assert not found.follows.any()
    assert np.isnan(found.chi2_nu[0]) and np.isfinite(found.chi2_nu[1:]).all()


def test_usual_dependence_on_conditions_takes_its_share_of_chi2():
    circumstances, mag, mag_err, _ = noise()
    rng = np.random.default_rng(3)
    mag += rng.normal(0, 0.005, (N, 1)) * circumstances.conditions[0]
    found = evidence(circumstances, mag, mag_err)
    usual = np.zeros((N, len(circumstances.conditions)))
    usual[:, 0] = 0.005**2
    chi2 = np.where(found.follows, np.nan, found.with_usual(usual).chi2_nu)
    assert np.nanmean(chi2) == pytest.approx(1, abs=0.03)
    assert np.mean(found.chi2_nu) > 1.02


def test_conditions_that_are_unknown_or_alike_are_left_out():
    seeing, sky = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)
    assert len(standard_conditions({"sky": sky, "airmass": np.full(4, np.nan)})) == 0
    rows = standard_conditions({"seeing": seeing, "sky": sky, "x": seeing**2})
    assert rows.shape == (3, 4) and np.median(rows[0]) == 0  # with the square of the seeing


def test_the_airmass_is_that_of_the_site():
    """As astropy's AltAz has it for Cerro Tololo, which counts precession and no refraction."""
    found = airmass(np.array([60500.0, 60500.1, 60500.4]), 265.0, -29.0, ObservatoryOptions())
    assert found[:2] == pytest.approx([1.348, 1.019], abs=0.01)
    assert 5.5 < found[2] < 6.5


def pair(trade=0.0, own=0.0, seed=4):
    """Magnitudes of a faint and a brighter star side by side, and of one alone."""
    rng = np.random.default_rng(seed)
    flux = np.array([[50.0], [150.0], [100.0]]) + rng.normal(0, 1, (3, 200))
    change = rng.normal(0, 1, 200)
    flux[0] += trade * change
    flux[1] -= trade * change
    flux[0] += own * rng.normal(0, 1, 200)
    mag = 25 - 2.5 * np.log10(flux)
    mag_err = 1.0857 / flux
    neighbours = Neighbours.within(np.array([10.0, 13.0, 60.0]), np.full(3, 5.0), 4.0)
    centre = np.median(mag, axis=1)
    return mag, pair_sums(neighbours, mag, mag_err, centre, np.zeros(3, bool)), neighbours


def test_the_sum_of_a_pair_is_steady_where_they_trade_flux():
    mag, sums, neighbours = pair(trade=10.0)
    assert neighbours.star.tolist() == [0, 1] and neighbours.neighbour.tolist() == [1, 0]
    assert np.std(mag[0]) > 0.2 > 5 * np.std(sums.mag[0])
    assert sums.correlation == pytest.approx([-1, -1], abs=0.05)
    pulls = sums.mag / sums.mag_err
    assert np.std(pulls, axis=1) == pytest.approx(np.sqrt(2) * np.ones(2), rel=0.15)


def test_the_sum_of_a_pair_shows_what_one_of_them_does():
    mag, sums, _ = pair(own=10.0)
    assert np.std(sums.mag[0]) == pytest.approx(0.2, rel=0.15)
    assert spearmanr(sums.mag[0], mag[0])[0] > 0.95 and abs(sums.correlation[0]) < 0.2


def test_a_sum_without_one_of_them_is_unknown():
    x, y = np.array([0.0, 1.0, 2.0]), np.zeros(3)
    neighbours = Neighbours.within(x, y, 1.5)
    assert np.diff(neighbours.first).tolist() == [1, 2, 1]
    mag, mag_err = np.full((3, 4), 18.0), np.full((3, 4), 0.1)
    mag[0, 1] = mag_err[0, 1] = np.nan
    centre = np.array([18.0, 18.0, np.nan])  # the last was never measured
    sums = pair_sums(neighbours, mag, mag_err, centre, np.ones(3, bool))
    assert np.isnan(sums.mag[:2, 1]).all() and np.isfinite(sums.mag[:2, 0]).all()


def test_nobody_has_a_neighbour_where_the_seeing_is_unknown():
    assert len(Neighbours.within(np.zeros(3), np.arange(3.0), np.nan).star) == 0
