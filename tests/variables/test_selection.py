from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from exposures.chip import MaskBit
from photometry.science.bright_stars.wings import IN_WINGS
from photometry.science.calibration.calibration import MAG_PER_LN
from photometry.science.forced.forced import SHARP
from variables.changes.detection import wider_fwhm
from variables.models import Cut
from variables.science.close_pairs import find_close_pairs
from variables.science.selection import (
    CUTS,
    Photometry,
    SelectionOptions,
    distance_to_saturated,
    running_median,
    select_changes,
)


def constant_stars(n, seed, error=0.02):
    rng = np.random.default_rng(seed)
    mag = rng.uniform(14, 20, n)
    one = np.ones(n)
    return Photometry(
        mag=mag,
        mag_err=error * one,
        flux=10 ** (-0.4 * (mag - 25)),
        flux_err=0.02 * 10 ** (-0.4 * (mag - 25)),
        rchi2=rng.uniform(0.8, 1.2, n),
        fracflux=0.9 * one,
        quality=one,
        flags=np.zeros(n, int),
        edge_distance=200 * one,
        saturated_distance=200 * one,
    )


@pytest.fixture
def reference():
    return constant_stars(400, seed=1)


def observed_again(reference, seed=2):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, reference.mag_err)
    flux = reference.flux * 10 ** (-0.4 * noise)
    return replace(reference, mag=reference.mag + noise, flux=flux)


def select(search, reference, options=SelectionOptions()):
    return select_changes(search, reference, reference.flux, search.flux_err, options)


def changed(photometry, name, index, value):
    values = getattr(photometry, name).copy()
    values[index] = value
    return replace(photometry, **{name: values})


def with_mag(photometry, index, mag):
    """The same where one star has another magnitude, and so another flux."""
    fainter = mag - photometry.mag[index]
    flux = photometry.flux[index] * 10 ** (-0.4 * fainter)
    return changed(changed(photometry, "mag", index, mag), "flux", index, flux)


def test_constant_stars_are_not_selected(reference):
    assert len(select(observed_again(reference), reference)) == 0


def test_change_in_flux_above_fifteen_sigma_of_both_errors_is_selected(reference):
    search = observed_again(reference)
    sigma = np.hypot(search.flux_err, reference.flux * reference.mag_err / MAG_PER_LN)
    search = changed(search, "flux", 3, reference.flux[3] + 16 * sigma[3])
    search = changed(search, "flux", 5, reference.flux[5] - 14 * sigma[5])
    changes = select(search, reference)
    assert changes.index.tolist() == [3]
    assert changes.significance[0] == pytest.approx(16)
    assert changes.failed_cuts.tolist() == [0]


def test_change_in_magnitude_above_fifteen_sigma_is_selected_where_that_is_asked_for(reference):
    sigma = np.hypot(0.02, 0.02)
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 16 * sigma)
    search = with_mag(search, 5, reference.mag[5] + 14 * sigma)
    changes = select(search, reference, SelectionOptions(in_flux=False))
    assert changes.index.tolist() == [3]
    assert changes.significance[0] == pytest.approx(16)
    assert changes.delta_mag[0] < 0


@pytest.mark.parametrize("left", [-0.1, 0.1, 3.0])
def test_a_star_of_which_hardly_anything_is_left_counts_as_one_of_which_nothing_is(reference, left):
    """In magnitudes 3 sigma of light counted as 10 sigma, and -0.1 as 59."""
    reference = replace(reference, flux_err=reference.flux / 100, mag_err=np.full(400, 0.0109))
    search = replace(reference, flux_err=reference.flux / 100)
    search = changed(search, "flux", 7, left * search.flux_err[7])
    changes = select(search, reference)
    assert changes.index.tolist() == [7]
    assert changes.significance[0] > 65


def test_star_that_vanished_is_selected_by_its_flux(reference):
    search = changed(observed_again(reference), "flux", 7, -3.0)
    search = changed(search, "mag", 7, np.nan)
    changes = select(search, reference)
    assert changes.index.tolist() == [7]
    assert changes.vanished.tolist() == [True]
    assert np.isnan(changes.delta_mag[0])


def test_faint_star_without_flux_did_not_vanish(reference):
    search = changed(observed_again(reference), "flux", 7, -3.0)
    search = changed(search, "mag", 7, np.nan)
    search = changed(search, "flux_err", 7, reference.flux[7] / 5)
    assert len(select(search, reference)) == 0


@pytest.mark.parametrize(
    ("column", "value", "cut"),
    [
        ("rchi2", 4000.0, Cut.SEARCH_RCHI2),
        ("rchi2", np.nan, Cut.SEARCH_RCHI2),
        ("quality", 0.5, Cut.MASKED),
        ("edge_distance", 2.0, Cut.EDGE),
        ("flags", MaskBit.SATURATED, Cut.SATURATED),
        ("flags", SHARP, Cut.SHARP),
        ("saturated_distance", 6.0, Cut.NEAR_SATURATED),
    ],
)
def test_cut_is_recorded_and_removes_nothing(reference, column, value, cut):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 2)
    changes = select(changed(search, column, 3, value), reference)
    assert changes.index.tolist() == [3]
    assert changes.failed_cuts.tolist() == [cut]


@pytest.mark.parametrize(("share", "expected"), [(0.04, 0), (0.08, Cut.NEAR_SATURATED)])
def test_change_in_wings_counts_where_it_has_the_shape_of_a_star(reference, share, expected):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 2)
    significance = select(search, reference).significance[0]
    search = changed(search, "rchi2", 3, (share * significance) ** 2)
    in_wings = [changed(photometry, "flags", 3, IN_WINGS) for photometry in (search, reference)]
    for found in (select(in_wings[0], reference), select(search, in_wings[1])):
        assert found.failed_cuts.tolist() == [expected]


def test_source_that_never_has_most_of_its_light_is_blended(reference):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 2)
    changes = select(changed(search, "fracflux", 3, 0.1), changed(reference, "fracflux", 3, 0.1))
    assert changes.failed_cuts.tolist() == [Cut.BLENDED]


def test_source_with_more_than_all_the_light_is_blended(reference):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 2)
    assert select(changed(search, "fracflux", 3, 1.5), reference).failed_cuts.tolist() == [
        Cut.BLENDED
    ]


@pytest.mark.parametrize("sigmas", [-2.0, 0.5, 4.0])
def test_star_that_vanished_is_not_blended_by_the_noise_of_its_share(reference, sigmas):
    light = sigmas * reference.flux_err[3]
    search = changed(observed_again(reference), "flux", 3, light)
    search = changed(search, "mag", 3, -2.5 * np.log10(light) + 25 if light > 0 else np.nan)
    vanished = select(changed(search, "fracflux", 3, 21.0), reference)
    assert vanished.index.tolist() == [3]
    assert vanished.failed_cuts.tolist() == [0]


def test_negative_flux_is_no_more_than_all_the_light_lost(reference):
    search = changed(observed_again(reference), "flux", 7, -100 * reference.flux[7])
    search = changed(search, "mag", 7, np.nan)
    changes = select(search, reference)
    assert changes.significance[0] < reference.flux[7] / reference.flux_err[7]


def test_source_that_the_reference_hardly_saw_can_not_vanish(reference):
    search = changed(observed_again(reference), "flux", 7, -3.0)
    search = changed(search, "mag", 7, np.nan)
    assert len(select(search, changed(reference, "mag_err", 7, 0.15))) == 0


def test_bad_fit_on_the_reference_is_told_apart(reference):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 2)
    changes = select(search, changed(reference, "rchi2", 3, 4000.0))
    assert changes.failed_cuts.tolist() == [Cut.REFERENCE_RCHI2]


def test_flare_survives_the_misfit_of_a_position_known_only_roughly(reference):
    search = with_mag(observed_again(reference), 3, reference.mag[3] - 3)
    assert select(changed(search, "rchi2", 3, 15.0), reference).failed_cuts.tolist() == [0]


def test_star_that_faded_into_its_neighbours_is_not_called_blended(reference):
    search = with_mag(observed_again(reference), 3, reference.mag[3] + 2)
    faded = select(changed(search, "fracflux", 3, 0.1), reference)
    assert faded.failed_cuts.tolist() == [0]


def test_bright_variables_survive_the_rchi2_of_all_bright_stars(reference):
    # With a fitted PSF, rchi2 grows with brightness for constant stars too.
    rchi2 = 1 + 10 ** (0.4 * (17 - reference.mag))
    bright = int(np.argmin(reference.mag))
    search = with_mag(observed_again(reference), bright, reference.mag[bright] + 1)
    changes = select(replace(search, rchi2=rchi2), replace(reference, rchi2=rchi2))
    assert rchi2[bright] > 10
    assert changes.failed_cuts.tolist() == [0]


def test_bits_of_the_cuts_are_those_of_the_table():
    assert [Cut(1 << bit).name.lower() for bit in range(len(CUTS))] == list(CUTS)


def in_pairs(photometry, *pairs):
    return replace(photometry, close_pairs=np.array(pairs, int).reshape(-1, 2))


def with_changes(photometry, reference, sigmas):
    """The same with fluxes that differ from the reference's by so many sigma of both, by index."""
    error = np.hypot(photometry.flux_err, reference.flux * reference.mag_err / MAG_PER_LN)
    for index, sigma in sigmas.items():
        flux = reference.flux[index] + sigma * error[index]
        photometry = changed(photometry, "flux", index, flux)
    return photometry


@pytest.fixture
def equal_pair(reference):
    """A reference of which the stars 3 and 5 are as bright as each other."""
    for name in ("mag", "flux", "flux_err"):
        reference = changed(reference, name, 5, getattr(reference, name)[3])
    return reference


@pytest.mark.parametrize(
    ("sigmas", "failing"),
    [
        ((20, -20), {3, 5}),  # one has what the other lost
        ((20, -14), {3}),
        ((-29, 25), {3, 5}),
        ((20, 0), set()),  # one varies
        ((20, -4), set()),  # the fit takes some of a change from the neighbour,
        ((14, 6), set()),  # or gives it some: below the threshold as before
        ((-20, -6), set()),
        ((20, 20), set()),
    ],
)
def test_changes_that_a_close_pair_trades_fail_a_cut(equal_pair, sigmas, failing):
    search = with_changes(equal_pair, equal_pair, dict(zip((3, 5), sigmas, strict=True)))
    changes = select(in_pairs(search, (3, 5)), equal_pair)
    found = dict(zip(changes.index.tolist(), changes.failed_cuts.tolist(), strict=True))
    assert set(found) == {i for i, n in zip((3, 5), sigmas, strict=True) if abs(n) > 15}
    assert {index for index, cuts in found.items() if cuts == Cut.TRADED} == failing
    assert set(found.values()) <= {0, Cut.TRADED}


def test_lonely_stars_trade_with_none(equal_pair):
    search = with_changes(equal_pair, equal_pair, {3: 20, 5: -20})
    for pairs in ([], [(7, 8)]):
        assert select(in_pairs(search, *pairs), equal_pair).failed_cuts.tolist() == [0, 0]


def test_three_stars_trade_as_two_do(equal_pair):
    for name in ("mag", "flux", "flux_err"):
        equal_pair = changed(equal_pair, name, 7, getattr(equal_pair, name)[3])
    search = with_changes(equal_pair, equal_pair, {3: 40, 5: -20, 7: -20})
    changes = select(in_pairs(search, (3, 5), (7, 3)), equal_pair)
    assert changes.index.tolist() == [3, 5, 7]
    # The two outer ones are no neighbours of each other.
    assert changes.failed_cuts.tolist() == [Cut.TRADED, 0, 0]


def test_neighbour_without_a_flux_is_none(equal_pair):
    search = with_changes(equal_pair, equal_pair, {3: 20, 5: -20})
    search = changed(search, "flux", 5, np.nan)
    changes = select(in_pairs(search, (3, 5)), equal_pair)
    assert changes.index.tolist() == [3]
    assert changes.failed_cuts.tolist() == [0]


def test_star_that_vanished_gave_its_neighbour_what_it_is_below_zero(equal_pair):
    """Nothing is left of either's change where one is as much below zero as the other too high."""
    for left, cut in ((-1.0, Cut.TRADED), (0.0, 0)):
        search = changed(equal_pair, "flux", 3, left * equal_pair.flux[3])
        search = changed(search, "mag", 3, np.nan)
        search = changed(search, "flux", 5, equal_pair.flux[5] * (1 - 2 * left))
        changes = select(in_pairs(search, (3, 5)), equal_pair)
        assert changes.failed_cuts[changes.index == 3].tolist() == [cut]
        assert changes.vanished[changes.index == 3].all()


def test_share_of_the_threshold_says_how_much_the_sum_must_change(equal_pair):
    search = with_changes(equal_pair, equal_pair, {3: 20, 5: -10})
    search = in_pairs(search, (3, 5))
    for share, cut in ((0.6, 0), (0.7, Cut.TRADED)):
        options = SelectionOptions(min_sum_share=share)
        assert select(search, equal_pair, options).failed_cuts.tolist() == [cut]


def fitted_pair(fluxes, separation, shift=0.0, sigma=1.5):
    """Fluxes of a pair along x on pixels, fitted where it is not by ``shift`` pixels."""
    y, x = np.mgrid[-12:13, -12:13]
    stamps = [
        np.exp(-((x - at) ** 2 + y**2) / (2 * sigma**2)).ravel()
        for at in (-separation / 2, separation / 2)
    ]
    seen = sum(
        flux * np.exp(-((x - at - shift) ** 2 + y**2) / (2 * sigma**2)).ravel()
        for flux, at in zip(fluxes, (-separation / 2, separation / 2), strict=True)
    )
    return np.linalg.lstsq(np.column_stack(stamps), seen, rcond=None)[0]


@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_pair_fitted_beside_its_place_fails_and_its_variable_passes(equal_pair, shift):
    constant = equal_pair.flux[[3, 5]]
    for index, fluxes in (((3, 5), constant), ((3,), constant * [3, 1])):
        search = equal_pair
        for star, flux in zip((3, 5), fitted_pair(fluxes, 1.8, shift), strict=True):
            search = changed(search, "flux", star, flux)
        changes = select(in_pairs(search, (3, 5)), equal_pair)
        assert set(index) <= set(changes.index.tolist())
        cut = Cut.TRADED if len(index) == 2 else 0
        assert (changes.failed_cuts[np.isin(changes.index, index)] == cut).all()


def test_close_pairs_are_those_within_the_radius():
    x, y, same = np.array([10.0, 12.0, 30.0, np.nan, 13.5]), np.full(5, 10.0), np.zeros(5, int)
    pairs = find_close_pairs(x, y, same, 2.5).tolist()
    assert sorted(sorted(pair) for pair in pairs) == [[0, 1], [1, 4]]
    for n, radius in ((5, np.nan), (1, 5.0), (0, 5.0)):
        assert find_close_pairs(x[:n], y[:n], same[:n], radius).shape == (0, 2)


def test_fwhm_of_a_pair_is_the_wider_images_in_pixels_of_the_search_image():
    image, wider, sharper, unknown = (
        SimpleNamespace(fwhm_pixels=pixels, fwhm_arcsec=arcsec)
        for pixels, arcsec in ((4.0, 1.0), (3.0, 1.5), (8.0, 0.8), (None, None))
    )
    assert [wider_fwhm(image, other) for other in (wider, sharper)] == [6.0, 4.0]
    assert np.isnan([wider_fwhm(image, unknown), wider_fwhm(unknown, image)]).all()


def test_a_star_of_two_catalogues_is_no_pair():
    x, y = np.array([10.0, 10.1, 12.0]), np.full(3, 10.0)
    assert find_close_pairs(x, y, np.array([1, 2, 2]), 2.5).tolist() == [[1, 2]]


def test_distance_to_saturated_leaves_out_the_star_itself():
    x, flags = np.array([0.0, 3.0, 10.0, 90.0]), np.array([MaskBit.SATURATED, 0, MaskBit.BLEED, 0])
    distance = distance_to_saturated(x, np.zeros(4), flags)
    assert distance.tolist() == [10, 3, 10, 80]
    assert np.isinf(distance_to_saturated(x, np.zeros(4), np.zeros(4, int))).all()
    alone = distance_to_saturated(x, np.zeros(4), np.array([MaskBit.SATURATED, 0, 0, 0]))
    assert alone.tolist() == [np.inf, 3, 10, 90]
    near = distance_to_saturated(x, np.zeros(4), flags, reach=8.0)
    assert near.tolist() == [np.inf, 3, np.inf, np.inf]


def test_running_median_follows_its_argument():
    x = np.linspace(0, 10, 1000)
    assert running_median(x, x**2)[500] == pytest.approx(x[500] ** 2, rel=0.02)
    assert np.isnan(running_median(x, np.full(1000, np.nan))).all()
