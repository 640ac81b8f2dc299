"""The false-alarm probability of light curves: true for constant stars, small for variable ones."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from benchmarks.simulated_curves import simulate
from variables.science.variability import assessment, curves
from variables.science.variability.assessment import assess, assess_in_place
from variables.science.variability.blends import in_haloes
from variables.science.variability.evidence import Evidence
from variables.science.variability.false_alarms import (
    LEAST,
    Calibration,
    Kind,
    artificial_pulls,
    combined,
    groups,
    larger_of_two,
    standard_deviates,
)


@pytest.fixture(scope="module")
def chip():
    """Twenty thousand stars on twenty-four images, of which a hundredth varies."""
    simulated = simulate(20_000, 24, seed=3)
    return simulated, assess(simulated.curves, simulated.surroundings)


def test_constant_stars_seldom_seem_to_vary(chip):
    simulated, found = chip
    chance = found.false_alarm[(simulated.range_mag == 0) & np.isfinite(found.false_alarm)]
    assert len(chance) > 15_000
    for share, tolerance in ((0.1, 0.3), (0.01, 0.4), (1e-3, 0.7)):
        assert np.mean(chance < share) == pytest.approx(share, rel=tolerance)
    assert np.sum(chance < 3e-5) <= 4


def test_constant_stars_seldom_seem_to_vary_on_few_epochs_either(monkeypatch):
    monkeypatch.setattr(assessment, "ARTIFICIAL_STARS", (60_000, 80_000))  # quickly
    simulated = simulate(20_000, 6, seed=4)
    chance = assess(simulated.curves, simulated.surroundings).false_alarm
    chance = chance[(simulated.range_mag == 0) & np.isfinite(chance)]
    for share, tolerance in ((0.01, 0.4), (1e-3, 0.7)):
        assert np.mean(chance < share) == pytest.approx(share, rel=tolerance)
    assert np.sum(chance < 3e-5) <= 3


def test_stars_at_the_edge_of_the_reference_have_no_probability(chip):
    """Their places were fitted to a part of their light, so that they scatter on all images."""
    simulated, found = chip
    near = replace(simulated.surroundings, width=2048, height=4096)
    at_edge = near.at_edge(5.0)
    again = assess(simulated.curves, near)
    assert 100 < at_edge.sum() < 400 and np.isnan(again.false_alarm[at_edge]).all()
    known = np.isfinite(found.false_alarm) & ~at_edge
    assert np.isfinite(again.false_alarm[known]).mean() > 0.999
    assert np.isfinite(again.statistics.mean_mag[at_edge]).mean() > 0.9
    assert not simulated.surroundings.at_edge(5.0).any()  # where its size is unknown


def test_the_same_curves_have_the_same_probabilities_in_place_and_in_blocks(chip, monkeypatch):
    simulated, found = chip
    monkeypatch.setattr(curves, "ELEMENTS_AT_ONCE", 50_000)
    again = assess_in_place(simulated.curves.copy(), simulated.surroundings)
    assert np.allclose(again.false_alarm, found.false_alarm, rtol=1e-3, equal_nan=True)


def test_bright_stars_that_vary_are_found(chip):
    simulated, found = chip
    bright = (simulated.mag < 20) & ~simulated.is_blended & (simulated.range_mag > 0.2)
    assert bright.sum() >= 5
    assert np.mean(found.false_alarm[bright] < 3e-5) > 0.7


def test_a_star_beside_another_is_judged_by_their_sum_too(chip):
    simulated, found = chip
    paired = found.neighbours.star
    constant = paired[simulated.range_mag[paired] == 0]
    assert np.isfinite(found.correlation[paired]).mean() > 0.8
    assert np.nanmedian(found.correlation[constant]) < 0
    assert np.nanmean(found.false_alarm[constant] < 1e-3) < 2e-3


def made_up(chi2_nu, n_free=30.0):
    n = len(chi2_nu)
    nothing = np.zeros((n, 0))
    steady = np.random.default_rng(5).normal(size=n)
    return Evidence(
        np.full(n, n_free), chi2_nu, steady, np.ones(n), np.zeros(n), np.zeros(n, bool), nothing,
        nothing,
    )  # fmt: skip


def test_deviates_are_relative_to_stars_of_the_same_magnitude_and_crowding():
    """Errors that are off by magnitude or crowding make no star vary, nor do a few variables."""
    rng = np.random.default_rng(6)
    n = 8000
    mag, crowding = rng.uniform(15, 22, n), rng.integers(0, 2, n)
    chi2_nu = rng.chisquare(30, n) / 30 * (1 + (mag - 15) / 7) * np.where(crowding == 1, 2.0, 1.0)
    chi2_nu[:160] *= 20
    standard = standard_deviates(made_up(chi2_nu), Kind(mag, crowding))[0]
    constant = standard[160:]
    assert np.median(constant) == pytest.approx(0, abs=0.06)
    assert np.percentile(constant, 84.13) == pytest.approx(1, abs=0.1)
    assert standard[:160].min() > 5


def test_small_classes_are_judged_with_the_next():
    rng = np.random.default_rng(7)
    crowding = np.repeat([0, 1, 2], [500, 50, 20])
    standard = standard_deviates(
        made_up(rng.chisquare(30, 570) / 30), Kind(np.full(570, 18.0), crowding)
    )
    assert np.isfinite(standard).all()


def test_a_probability_of_many_is_that_of_the_smallest_in_its_tail():
    deviates = np.array([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]]).T
    chance = np.exp(combined(deviates))
    assert chance[0] == pytest.approx(2.87e-7 / 0.6, rel=0.01)
    assert chance[1] == pytest.approx(2.87e-7 / 0.2, rel=0.01)
    assert chance[2] == pytest.approx(0.5)
    assert np.isnan(combined(np.full((3, 1), np.nan))).all()


def test_the_calibration_goes_on_beyond_the_artificial_stars():
    rng = np.random.default_rng(8)
    true = rng.random(50_000)
    calibration = Calibration.of(np.log(true**1.3))
    for chance in (0.3, 1e-2, 1e-5):
        found = calibration.probability(np.log(np.array([chance**1.3])))
        assert found[0] == pytest.approx(chance, rel=0.5)
    assert calibration.probability(np.array([-1e4, np.nan])).tolist()[0] == LEAST
    assert np.isnan(calibration.probability(np.array([np.nan]))).all()
    assert np.isfinite(Calibration.of(np.zeros(0)).probability(np.array([-3.0]))).all()


def test_artificial_stars_have_what_images_do_and_nothing_of_a_star():
    rng = np.random.default_rng(9)
    pulls = rng.normal(0, 1, (1000, 30))
    pulls[:, 4] *= 5  # a bad image
    pulls[:100] += 3 * np.sin(np.arange(30) / 4)  # stars that vary
    pulls[500:, 20:] = np.nan
    constant = np.arange(1000) >= 100
    made = artificial_pulls(pulls, constant, rng)
    assert np.array_equal(np.isfinite(made), np.isfinite(pulls))
    assert np.nanstd(made[:, 4]) == pytest.approx(5, rel=0.1)
    others = np.delete(made, 4, axis=1)
    assert np.nanstd(others) == pytest.approx(1, rel=0.05)


def test_groups_are_of_one_class_and_about_one_magnitude():
    rng = np.random.default_rng(12)
    mag, crowding = rng.uniform(15, 22, 9000), rng.integers(0, 2, 9000)
    mag[:10] = np.nan
    found = list(groups(Kind(mag, crowding)))
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(10, 9000))
    assert all(len(np.unique(crowding[group])) == 1 for group in found)
    assert max(np.ptp(mag[group]) for group in found) < 1
    assert all((np.diff(group) > 0).all() for group in found)


@pytest.mark.parametrize("scatter", [0.0, 0.25])
def test_errors_that_are_off_by_star_make_hardly_any_star_vary(scatter):
    rng = np.random.default_rng(10)
    n = 40_000
    chi2_nu = rng.chisquare(30, n) / 30 * np.exp(rng.normal(0, 2 * scatter, n))
    kind = Kind(rng.uniform(15, 22, n), np.zeros(n, int))
    standard = standard_deviates(made_up(chi2_nu), kind)[0]
    assert np.sum(standard > 4.5) <= 8 and np.percentile(standard, 99) < 2.8


def test_of_two_that_depend_on_each_other_the_larger_counts():
    rng = np.random.default_rng(11)
    shared = rng.normal(size=100_000)
    both = 1 - ndtr((shared + rng.normal(size=(2, 100_000))) / np.sqrt(2))
    larger = larger_of_two(*both)
    assert (larger <= both.max(axis=0)).all()
    for share in (0.1, 1e-2, 1e-3):
        assert 0.3 * share < np.mean(larger < share) < 1.2 * share
    some = np.array([0.2, np.nan, np.nan])
    assert larger_of_two(some, np.array([0.1, 0.3, np.nan]))[:2].tolist() == [0.2, 0.3]


def test_stars_beside_much_brighter_ones_are_in_their_halo():
    x, y = np.array([50.0, 60.0, 60.0, 90.0, np.nan]), np.full(5, 50.0)
    mag = np.array([10.0, 13.5, 12.5, 16.0, 15.0])
    assert in_haloes(x, y, mag, 4.0).tolist() == [False, True, False, False, False]
    assert not in_haloes(x, y, mag, np.nan).any() and not in_haloes(x, y, mag, 1.0).any()
    assert in_haloes(x, y, mag, 10.0).tolist() == [False, True, False, True, False]
