"""The model of errors against differences whose scatter is known."""

import json

import numpy as np
import pytest
from astropy.stats import mad_std

from photometry.references.own_errors import common_factor
from photometry.science.calibration.error_model import (
    Curve,
    Differences,
    ErrorModel,
    ImageErrors,
    fit_error_model,
)
from photometry.science.calibration.halos import Wings, halo_light
from tests.builders.differences import differences as stars

FLOOR = 0.003  # mag


def test_floor_and_factor_and_halo_are_found_beside_each_other():
    model = fit_error_model(stars(20_000, floor=0.006, excess=1.4, halo=0.2), FLOOR)
    assert model.factor == pytest.approx(1.4, rel=0.1)
    assert model.floor == pytest.approx(0.006, rel=0.15)
    assert model.halo == pytest.approx(0.2, rel=0.15)


@pytest.mark.parametrize("n", [400, 20_000])
def test_pulls_have_a_sigma_of_one_at_every_magnitude_and_crowding(n):
    crowded = stars(n, floor=0.006, excess=1.2)
    worse = 1 + 1.5 * (crowded.near.fracflux < 0.4) + 0.8 * (crowded.near.mag > 22)
    difference = crowded.difference * worse
    seen = Differences(difference, *(getattr(crowded, c) for c in REST))
    pulls = seen.pulls(fit_error_model(seen, FLOOR))
    for values in (crowded.near.mag, crowded.near.fracflux):
        for part in np.array_split(np.argsort(values), 8):
            tolerance = 0.08 + 2 / np.sqrt(len(part))
            assert mad_std(pulls[part]) == pytest.approx(1, abs=tolerance)


REST = ("expected", "flux_err", "reference_err", "near")


def test_stars_that_vary_do_not_hide_themselves():
    constant = stars(5_000)
    varies = np.arange(5_000) % 10 == 0
    difference = np.where(varies, 0.5 * constant.expected, constant.difference)
    seen = Differences(difference, *(getattr(constant, c) for c in REST))
    with_them, without = (fit_error_model(s, FLOOR) for s in (seen, constant))
    bright = constant.near.mag < 18
    errors = [
        m.flux_errors(constant.expected, constant.flux_err, constant.near)[bright]
        for m in (with_them, without)
    ]
    assert np.median(errors[0] / errors[1]) == pytest.approx(1, abs=0.08)


def test_stars_that_vanished_do_not_hide_among_those_of_little_noise():
    constant = stars(3_000)
    signal = constant.expected / constant.flux_err
    gone = np.isin(np.arange(3_000), np.flatnonzero((signal > 15) & (signal < 40))[::6])
    difference = np.where(gone, -constant.expected, constant.difference)
    flux_err = np.where(gone, 0.75, 1) * constant.flux_err  # without the photons of the star
    expected, reference_err, near = constant.expected, constant.reference_err, constant.near
    seen = Differences(difference, expected, flux_err, reference_err, near)
    errors = [
        m.flux_errors(np.maximum(expected + difference, 0), flux_err, near)[gone]
        for m in (fit_error_model(seen, FLOOR), fit_error_model(seen.select(~gone), FLOOR))
    ]
    assert np.median(errors[0] / errors[1]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("floor", [0.0015, 0.006])
def test_a_floor_is_as_bright_stars_measure_it_even_below_that_of_the_calibration(floor):
    model = fit_error_model(stars(20_000, floor=floor), FLOOR)
    assert model.floor == pytest.approx(floor, rel=0.2)


def test_the_reference_carries_its_own_part():
    shared = stars(20_000, excess=1.0)
    alone = Differences(
        shared.difference,
        *(getattr(shared, c) for c in ("expected", "flux_err")),
        np.zeros(len(shared)),
        shared.near,
    )
    both, one = (fit_error_model(s, FLOOR).factor for s in (shared, alone))
    assert both == pytest.approx(1.0, abs=0.07)
    assert one == pytest.approx(np.hypot(1, 0.5), abs=0.1)


@pytest.mark.parametrize("n", [0, 2])
def test_too_few_stars_leave_the_errors_of_the_fit_and_the_floor(n):
    model = fit_error_model(stars(n), FLOOR)
    assert (model.factor, model.by_mag.at) == (1.0, ())
    assert model.floor == pytest.approx(FLOOR / 1.0857, rel=1e-3)


def test_few_stars_have_one_factor_that_only_expands():
    assert fit_error_model(stars(30, excess=2.5, seed=3), FLOOR).factor > 1.5
    assert fit_error_model(stars(30, excess=0.1, seed=3), FLOOR).factor == 1.0


def test_stars_of_which_something_is_unknown_are_left_out():
    known = stars(2_000)
    difference = known.difference.copy()
    difference[::3] = np.nan
    seen = Differences(difference, *(getattr(known, c) for c in REST))
    kept = fit_error_model(seen, FLOOR)
    rest = np.flatnonzero(np.arange(2_000) % 3)
    assert kept == fit_error_model(known.select(rest), FLOOR)


def test_errors_are_the_same_once_they_were_stored():
    some = stars(3_000, halo=0.1)
    errors = ImageErrors(fit_error_model(some, FLOOR), Wings(4.0, 2.5))
    back = ImageErrors.from_json(json.loads(json.dumps(errors.as_json())))
    assert back == errors
    arguments = some.expected, some.flux_err, some.near
    assert np.array_equal(back.model.flux_errors(*arguments), errors.model.flux_errors(*arguments))


def test_one_factor_and_a_floor_are_a_model_too():
    some = stars(100)
    model = ErrorModel(factor=1.5, floor=1.5 * 0.01 / 1.0857)
    expanded = model.flux_errors(some.expected, some.flux_err, some.near)
    mag_err = np.hypot(1.0857 * some.flux_err / some.expected, 0.01)
    assert 1.0857 * expanded / some.expected == pytest.approx(1.5 * mag_err)


def test_a_curve_is_constant_beyond_its_points_and_zero_for_nan():
    curve = Curve((1.0, 2.0), (0.5, 1.0))
    assert curve(np.array([0.0, 1.5, 9.0, np.nan])).tolist() == [0.5, 0.75, 1.0, 0.0]
    assert Curve((), ())(np.ones(3)).tolist() == [0, 0, 0]


def test_halo_light_is_that_of_bright_stars_beyond_their_cores():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 300, (2, 200))
    x[0], y[0] = 150.0, 150.0
    flux = np.full(200, 100.0)
    flux[0] = 1e6
    wings = Wings(4.0, 2.5)
    light, distance = halo_light(x, y, flux, wings, 1.0), np.hypot(x - 150, y - 150)
    expected = 1e6 * wings.share_at(distance)
    reached = (distance > 6) & (distance < 0.99 * wings.reach(np.array([1e-6]))[0])
    assert reached.sum() > 20
    assert light[reached] == pytest.approx(expected[reached])
    assert not light[distance < 6].any() and not light[distance > 150].any()


def test_halo_light_takes_an_unknown_flux_for_none():
    assert halo_light(*np.zeros((2, 3)), np.array([np.nan, 1, 1]), Wings(4.0, 2.5), 1.0).sum() == 0


def test_the_factor_common_to_all_stars_is_that_of_the_bright_ones():
    rng = np.random.default_rng(2)
    signal = np.concatenate([np.full(900, 8.0), np.full(200, 200.0)])
    ratio = np.where(signal < 100, 1.05, 0.996) + rng.normal(size=1100) / signal
    assert common_factor(ratio, signal) == pytest.approx(0.996, abs=0.003)
    assert common_factor(np.zeros(0), np.zeros(0)) == 1
