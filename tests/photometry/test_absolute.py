"""Absolute zero points against made-up skies whose zero points are known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from photometry.science.absolute.neighbours import neighbour_share
from photometry.science.absolute.options import AbsoluteOptions
from photometry.science.absolute.robust import excess_scatter
from photometry.science.absolute.zero_points import fit_zero_points, none_because
from tests.builders.published_sky import make_sky


def off(sky, fitted):
    """(k,) mag, fitted less true zero points."""
    return np.array([one.zero_point for one in fitted]) - sky.true_zero_points(fitted)


@pytest.fixture(scope="module")
def crowded():
    return make_sky()


@pytest.fixture(scope="module")
def fitted(crowded):
    return crowded.fit()


def test_zero_points_are_right_among_blends_variables_and_wrong_matches(crowded, fitted):
    assert np.abs(off(crowded, fitted)).max() < 0.005


def test_magnitudes_are_right_at_every_magnitude_and_colour(crowded, fitted):
    stars, chip = crowded.stars, crowded.stars.chip
    for values, n_bins in ((crowded.true, 6), (stars.colour, 8)):
        edges = np.quantile(values, np.linspace(0, 1, n_bins + 1))
        for low, high in pairwise(edges):
            in_bin = (values >= low) & (values < high)
            left = [
                fitted[k].absolute(crowded.ours[on], 0 * crowded.ours[on], stars.colour[on])[0]
                - crowded.true[on]
                for k in range(len(fitted))
                for on in [in_bin & (chip == k)]
            ]
            assert abs(np.median(np.concatenate(left))) < 0.02


def test_chips_that_overlap_agree(crowded, fitted):
    wrong = off(crowded, fitted)
    assert np.abs(np.diff(wrong)).max() < 0.005


def test_colour_terms_that_headers_have_wrong_are_found(crowded, fitted):
    one = fitted[0]
    colour = np.linspace(*one.colour_range, 20)
    true = crowded.correction(colour) - crowded.correction(one.pivot_colour)
    assert one.colour_correction(colour) == pytest.approx(true, abs=0.02)


def test_errors_are_those_of_the_zero_points():
    pulls = []
    for seed in range(12):
        sky = make_sky(seed=seed, n_stars=200, n_common=0, blends=0, wrong=0, variables=0)
        fitted = sky.fit()
        pulls += (off(sky, fitted) / [one.error for one in fitted]).tolist()
    assert 0.8 < np.std(pulls) < 1.25


def test_a_chip_without_published_stars_is_held_by_its_neighbours():
    sky = make_sky(n_chips=4)
    dark = sky.stars.chip == 3
    published = np.where(dark, np.nan, sky.stars.published)
    shared = np.isin(sky.stars.star, sky.stars.star[~dark])
    published = np.where(dark & shared, sky.stars.published, published)
    stars = replace(sky.stars, published=published)
    fitted = fit_zero_points(stars, sky.exposure)
    assert abs(off(sky, fitted)[3]) < 0.01
    assert fitted[3].error > fitted[2].error
    assert fitted[3].n_common > 100


def test_exposures_of_other_colour_terms_agree_where_they_overlap():
    sky = make_sky(exposures=(0, 0, 0, 1, 1, 1))
    second = sky.exposure[sky.stars.chip] == 1
    other = np.where(second, 0.1 * (sky.stars.colour - 1.5), 0)
    fitted = fit_zero_points(replace(sky.stars, mag=sky.stars.mag + other), sky.exposure)
    wrong = off(sky, fitted)
    wrong[3:] += 0.1 * (fitted[0].pivot_colour - 1.5)
    assert np.abs(np.diff(wrong)).max() < 0.005
    assert fitted[0].colour_terms == fitted[2].colour_terms != fitted[3].colour_terms
    first, later = (one.colour_correction(fitted[0].pivot_colour + 0.5) for one in fitted[2:4])
    assert later - first == pytest.approx(-0.05, abs=0.01)


def test_scatter_of_published_magnitudes_is_found():
    sky = make_sky(scatter=0.05, blends=0, wrong=0, variables=0)
    assert sky.fit()[0].scatter == pytest.approx(0.05, rel=0.1)


def test_what_varies_over_a_chip_is_the_systematic_error():
    smooth, tilted = (make_sky(tilt=tilt).fit()[0].systematic for tilt in (0, 0.08))
    assert smooth < 0.004
    # Halves lie 1/4 of the tilt from the middle.
    assert tilted == pytest.approx(0.02, rel=0.35)


def test_reddening_off_the_line_goes_into_the_scatter_and_the_error_of_magnitudes():
    sky = make_sky(dust=0.06, n_chips=2, scatter=0)
    first, stars = sky.fit()[0], sky.stars
    assert first.scatter > 0.025
    on = stars.chip == 0
    mag, error = first.absolute(sky.ours[on], np.zeros(on.sum()), stars.colour[on])
    assert 0.7 < np.nanstd((mag - sky.true[on]) / error) < 1.3


def test_light_of_unlisted_stars_in_every_source_moves_no_zero_point():
    sky = make_sky(unlisted=0.1)
    assert np.abs(off(sky, sky.fit())).max() < 0.007


def test_stars_with_neighbours_make_no_zero_point(crowded):
    stars = crowded.stars
    blended = np.arange(len(stars)) % 2 == 0
    brighter = replace(stars, mag=stars.mag - 0.05 * blended, neighbours=np.where(blended, 0.05, 0))
    fitted = fit_zero_points(brighter, crowded.exposure)
    assert np.abs(off(crowded, fitted)).max() < 0.006


def test_neighbours_count_by_their_light_and_their_distance():
    ra = np.array([359.9999, 0.0001, 0.0, 10.0]) + np.array([0, 0, 0.5 / 3600, 0])
    mag = np.array([17.0, 18.0, np.nan, 15.0])
    near = neighbour_share(ra, np.zeros(4), mag, 1.0)
    assert near == pytest.approx([10**-0.4, 10**0.4, np.inf, 0])
    assert neighbour_share(ra, np.zeros(4), mag, 0.6)[3] == 0
    assert neighbour_share(np.zeros(0), np.zeros(0), np.zeros(0), 1.0).shape == (0,)


def test_beyond_its_range_of_colour_there_is_no_colour_correction(fitted):
    one = fitted[0]
    low, high = one.colour_range
    beyond = one.colour_correction(np.array([low - 0.1, high + 0.1, np.nan]))
    assert np.isnan(beyond).all()


def test_a_star_without_a_colour_has_the_pivots_and_a_larger_error(fitted):
    one = fitted[0]
    mag, error = one.absolute(*np.array([[17, 17], [0.01, 0.01], [one.pivot_colour, np.nan]]))
    assert mag[0] == pytest.approx(mag[1])
    assert error[0] == pytest.approx(np.hypot(one.scatter, 0.01), rel=0.05)
    assert error[1] > one.colour_scatter > 0.05


def test_without_colours_there_are_zero_points_and_no_colour_terms():
    sky = make_sky(colour_terms=(), blends=0)
    none = np.full(len(sky.stars), np.nan)
    fitted = fit_zero_points(replace(sky.stars, colour=none, colour_err=none), sky.exposure)
    assert [one.colour_terms for one in fitted] == [()] * 6
    assert np.isnan(fitted[0].pivot_colour)
    assert [one.zero_point for one in fitted] == pytest.approx(sky.zero_points, abs=0.006)


def test_few_stars_get_a_lower_order():
    sky = make_sky(n_chips=1, n_stars=90, n_common=0)
    assert len(sky.fit(AbsoluteOptions(stars_per_term=25))[0].colour_terms) == 2


def test_chips_without_stars_or_with_too_few_say_why():
    sky = make_sky(n_chips=3, n_common=0)
    kept = (sky.stars.chip == 0) | ((sky.stars.chip == 1) & (np.arange(len(sky.stars)) % 160 == 0))
    full, few, none = fit_zero_points(sky.stars.select(kept), sky.exposure)
    assert full.reason == ""
    assert "too few" in few.reason and np.isnan(few.zero_point)
    assert none == none_because(none.reason) or "no published star" in none.reason


def test_a_chip_whose_stars_agree_on_nothing_has_no_zero_point():
    sky = make_sky(n_chips=3, n_common=0)
    rng = np.random.default_rng(5)
    wild = (sky.stars.chip == 2) & (np.arange(len(sky.stars)) % 50 == 0)
    kept = (sky.stars.chip < 2) | wild
    mag = np.where(wild, rng.uniform(10, 25, len(sky.stars)), sky.stars.mag)
    fitted = fit_zero_points(replace(sky.stars, mag=mag).select(kept), sky.exposure)
    assert np.abs(off(sky, fitted)[:2]).max() < 0.006
    assert np.isnan(fitted[2].zero_point) and "too few" in fitted[2].reason


def test_no_star_at_all_is_no_error():
    sky = make_sky(n_chips=2)
    fitted = fit_zero_points(sky.stars.select(np.zeros(0, int)), sky.exposure)
    assert all("no published star" in one.reason for one in fitted)


def test_a_scatter_that_errors_explain_is_none():
    rng = np.random.default_rng(3)
    assert excess_scatter(rng.normal(0, 0.9, 500), np.ones(500)) < 0.2
    assert excess_scatter(rng.normal(0, 5, 2000), np.full(2000, 3.0)) == pytest.approx(4, rel=0.1)
    assert np.isnan(excess_scatter(np.zeros(0), np.zeros(0)))
