import numpy as np
import pytest
from astropy.stats import mad_std

from exposures.chip import MaskBit
from photometry.science.forced.forced import (
    SHARP,
    ForcedOptions,
    ForcedStars,
    fit_fluxes,
    merge_groups,
)
from photometry.science.forced.forced_quality import core_flags
from photometry.science.forced.forced_residual import box_means, left_over_sky
from photometry.science.forced.forced_system import normal_equations, place_stars
from photometry.science.weighted_image import WeightedImage
from tests.builders.crowded_scene import apart, observe, render, star_list, varying_psf

SHAPE = (400, 400)


def forced_stars(x, y, flux):
    return ForcedStars(x, y, flux, np.zeros(len(x), int))


@pytest.fixture(scope="module")
def scene():
    return observe(star_list(500, SHAPE, seed=1), varying_psf(), SHAPE, seed=2)


@pytest.fixture(scope="module")
def fit(scene):
    return fit_fluxes(scene.image, scene.psf, forced_stars(scene.x, scene.y, scene.flux))


def test_fluxes_of_a_complete_list_are_unbiased_with_honest_errors():
    psf, pulls = varying_psf(), []
    for seed in range(4):
        crowd = observe(star_list(1500, SHAPE, seed=10 + seed), psf, SHAPE, seed=20 + seed)
        fitted = fit_fluxes(crowd.image, psf, forced_stars(crowd.x, crowd.y, crowd.flux))
        good = apart(crowd.x, crowd.y, 1) & (fitted.quality > 0.99) & (fitted.flags == 0)
        pulls.append(((fitted.flux - crowd.flux) / fitted.flux_err)[good])
    pulls = np.concatenate(pulls)
    assert len(pulls) > 5000
    assert abs(np.median(pulls)) < 0.1
    assert mad_std(pulls) == pytest.approx(1.0, abs=0.1)


def test_blended_pair_is_unbiased():
    psf, pulls = varying_psf(), []
    x, y = np.array([100.2, 102.9, 300.0]), np.array([200.7, 200.1, 80.0])
    flux = np.array([8000.0, 3000.0, 20_000.0])
    for seed in range(20):
        pair = observe((x, y, flux), psf, SHAPE, seed=seed)
        fitted = fit_fluxes(pair.image, psf, forced_stars(x, y, flux))
        pulls.append((fitted.flux - flux) / flux)
    assert np.mean(pulls, axis=0) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("shift", [(0.2, -0.1), (-0.05, 0.15)])
def test_a_shift_of_all_stars_is_recovered(scene, shift):
    stars = forced_stars(scene.x + shift[0], scene.y + shift[1], scene.flux)
    fitted = fit_fluxes(scene.image, scene.psf, stars, free_shift=True)
    assert fitted.shift == pytest.approx((-shift[0], -shift[1]), abs=0.003)
    held = fit_fluxes(scene.image, scene.psf, stars)
    assert held.shift == (0, 0)
    good = (fitted.quality > 0.99) & (fitted.flags == 0)
    pulls = ((fitted.flux - scene.flux) / fitted.flux_err)[good]
    worse = ((held.flux - scene.flux) / held.flux_err)[good]
    assert np.std(pulls) < 1.2 < np.std(worse)


def test_a_shift_that_is_too_large_is_not_accepted(scene):
    stars = forced_stars(scene.x + 0.2, scene.y, scene.flux)
    options = ForcedOptions(max_shift_pixels=0.1)
    assert fit_fluxes(scene.image, scene.psf, stars, options, free_shift=True).shift == (0, 0)


def test_a_star_off_the_image_does_not_brighten_those_at_its_edge():
    psf = varying_psf()
    x, y = np.array([-3.0, 1.5, 200.0]), np.array([100.0, 101.0, 300.0])
    flux = np.array([2e5, 5000.0, 9000.0])
    edge = observe((x, y, flux), psf, SHAPE, seed=7)
    fitted = fit_fluxes(edge.image, psf, forced_stars(x, y, flux))
    assert abs(fitted.flux - flux)[1:] == pytest.approx(0, abs=4 * fitted.flux_err[1:].max())
    assert fitted.quality[0] < 0.3 < fitted.quality[1]
    alone = fit_fluxes(edge.image, psf, forced_stars(x[1:], y[1:], flux[1:]))
    assert alone.flux[0] > 2 * flux[1]


def test_a_star_without_a_usable_pixel_is_undefined_and_harms_no_other(scene, fit):
    stars = forced_stars(
        np.append(scene.x, [-400, 30]),
        np.append(scene.y, [50, 900]),
        np.append(scene.flux, [1e4, 1e4]),
    )
    fitted = fit_fluxes(scene.image, scene.psf, stars)
    assert np.isnan([fitted.flux[-2:], fitted.flux_err[-2:], fitted.rchi2[-2:]]).all()
    assert (fitted.quality[-2:] == 0).all() and (fitted.flags[-2:] == 0).all()
    assert fitted.flux[:-2] == pytest.approx(fit.flux, rel=1e-3, abs=1)
    assert np.isfinite(fitted.model).all()


def test_stars_on_the_edge_are_unbiased():
    psf, rng = varying_psf(), np.random.default_rng(8)
    along = rng.uniform(10, 390, 80)
    x = np.concatenate([along[:20], along[20:40], np.full(20, 0.2), np.full(20, 399.3)])
    y = np.concatenate([np.full(20, -0.3), np.full(20, 398.9), along[40:60], along[60:]])
    flux = np.full(80, 2e4)
    scene = observe((x, y, flux), psf, SHAPE, seed=9)
    fitted = fit_fluxes(scene.image, psf, forced_stars(x, y, flux))
    pulls = (fitted.flux - flux) / fitted.flux_err
    assert abs(np.median(pulls)) < 0.4
    assert mad_std(pulls) == pytest.approx(1.0, abs=0.3)
    assert fitted.quality == pytest.approx(0.5, abs=0.15)


def test_pixels_without_weight_may_hold_anything(scene, fit):
    data, weight = scene.data.copy(), scene.weight.copy()
    weight[200:203, 100:140] = 0
    data[200:203, 100:140] = 0
    zero = fit_fluxes(
        WeightedImage(data, weight, scene.mask),
        scene.psf,
        forced_stars(scene.x, scene.y, scene.flux),
    )
    data[200:203, 100:140] = np.nan
    nothing = fit_fluxes(
        WeightedImage(data, weight, scene.mask),
        scene.psf,
        forced_stars(scene.x, scene.y, scene.flux),
    )
    assert nothing.flux == pytest.approx(zero.flux, rel=1e-4, abs=1)


def test_masked_pixels_carry_no_information(scene, fit):
    bright = np.argsort(scene.flux)[-60]
    row, column = round(scene.y[bright]), round(scene.x[bright])
    data, weight = scene.data.copy(), scene.weight.copy()
    data[row, column], weight[row, column] = 1e6, 0
    masked = fit_fluxes(
        WeightedImage(data, weight, scene.mask),
        scene.psf,
        forced_stars(scene.x, scene.y, scene.flux),
    )
    assert masked.flux[bright] == pytest.approx(scene.flux[bright], rel=0.03)
    assert masked.quality[bright] < fit.quality[bright]


def test_pair_closer_than_a_pixel_shares_one_flux_by_its_expected_ratio():
    psf = varying_psf()
    x, y = np.array([100.0, 100.4, 300.0]), np.array([200.0, 200.2, 80.0])
    flux = np.array([6000.0, 2000.0, 9000.0])
    pair = observe((x, y, flux), psf, SHAPE, seed=5)
    fitted = fit_fluxes(pair.image, psf, forced_stars(x, y, flux))
    assert fitted.flux[0] / fitted.flux[1] == pytest.approx(3)
    assert fitted.flux[:2].sum() == pytest.approx(8000, rel=0.05)


def test_one_star_of_two_catalogues_has_its_whole_flux_in_both():
    psf = varying_psf()
    truth = np.array([100.0, 300.0]), np.array([200.0, 80.0]), np.array([6000.0, 9000.0])
    single = observe(truth, psf, SHAPE, seed=6)
    stars = ForcedStars(
        np.array([100.0, 100.1, 300.0]),
        np.array([200.0, 199.9, 80.0]),
        np.array([6000.0, 5500.0, 9000.0]),
        np.array([1, 2, 1]),
    )
    fitted = fit_fluxes(single.image, psf, stars)
    assert fitted.flux[0] == fitted.flux[1] == pytest.approx(6000, rel=0.05)


def test_sky_left_over_does_not_go_into_the_stars(scene):
    tilted = scene.data + 6 + 4 * np.linspace(-1, 1, SHAPE[1])
    stars = forced_stars(scene.x, scene.y, scene.flux)
    fitted = fit_fluxes(scene.image._replace(data=tilted), scene.psf, stars)
    faint = apart(scene.x, scene.y, 8) & (scene.flux < 5000) & (fitted.quality > 0.99)
    assert abs(np.median((fitted.flux - scene.flux)[faint] / fitted.flux_err[faint])) < 0.4


def test_crowded_faint_stars_keep_nothing_of_a_sky_that_was_not_subtracted():
    crowd = observe(star_list(2500, SHAPE, seed=31), varying_psf(), SHAPE, seed=32)
    stars = forced_stars(crowd.x, crowd.y, crowd.flux)
    without = fit_fluxes(crowd.image, crowd.psf, stars)
    brighter = crowd.image._replace(data=crowd.image.data + np.float32(10))
    with_sky = fit_fluxes(brighter, crowd.psf, stars)
    kept = (with_sky.flux - without.flux) / without.flux_err
    assert abs(np.median(kept)) < 0.03  # 1.1 if each round took what is left for all of it


def test_left_over_sky_is_the_median_of_boxes_whatever_stars_leave():
    rng = np.random.default_rng(11)
    residual = rng.normal(7, 1, (200, 300)).astype("f4")
    residual[rng.random(residual.shape) < 0.1] += 50
    weight = (rng.random(residual.shape) < 0.9).astype("f4")
    residual[weight == 0] = np.nan
    sky = left_over_sky(residual, weight, 100)
    for row in (0, 1):
        for column in (0, 1, 2):
            box = slice(100 * row, 100 * row + 100), slice(100 * column, 100 * column + 100)
            middle = sky[100 * row + 49 : 100 * row + 51, 100 * column + 49 : 100 * column + 51]
            assert middle.mean() == pytest.approx(np.nanmedian(residual[box]), abs=0.01)
    flat = np.full((100, 100), 3, "f4")
    assert left_over_sky(flat, np.ones_like(flat), 100) == pytest.approx(flat)


def test_box_means_leave_out_pixels_without_weight():
    image = np.arange(200.0 * 100).reshape(200, 100).astype("f4")
    weight = np.ones_like(image)
    weight[:, 50:] = 0
    means = box_means(image, weight, 100)
    assert means[0, 0] == pytest.approx(image[:100, :50].mean(), rel=1e-5)
    assert means[-1, 0] == pytest.approx(image[100:, :50].mean(), rel=1e-5)
    assert not box_means(image, np.zeros_like(image), 100).any()


def test_errors_grow_where_neighbours_overlap():
    psf = varying_psf()
    x, y = np.array([100.0, 102.5, 300.0]), np.array([200.0, 200.0, 80.0])
    flux = np.full(3, 100.0)
    scene = observe((x, y, flux), psf, SHAPE, seed=3)
    weight = np.full(SHAPE, 0.01)
    stars = place_stars(x, y, np.full(3, 20), psf)
    system = normal_equations(stars, scene.data.astype("f4"), weight.astype("f4"))
    error = np.empty(3)
    error[stars.order] = system.marginal_errors(12)
    stamps = np.zeros((3, *SHAPE))
    for star in range(3):
        stamps[star] = render(*(v[star : star + 1] for v in (x, y)), np.ones(1), psf, SHAPE, 41)
    matrix = np.einsum("ayx,byx->ab", stamps, stamps) * 0.01
    assert error == pytest.approx(np.sqrt(np.diag(np.linalg.inv(matrix))), rel=1e-4)
    # The two near each other suffer, the one apart does not.
    assert error[0] > 1.1 / np.sqrt(matrix[0, 0])
    assert error[2] == pytest.approx(1 / np.sqrt(matrix[2, 2]), rel=1e-3)


def test_errors_in_a_crowd_are_those_of_the_whole_matrix():
    psf, side = varying_psf(), 120
    x, y, _flux = star_list(300, (side, side), seed=4)
    keep = apart(x, y, 1)
    x, y = x[keep], y[keep]
    stars = place_stars(x, y, np.full(len(x), 8), psf)
    pixels = np.ones((side, side), "f4")
    system = normal_equations(stars, pixels, pixels)
    matrix = np.eye(len(x))
    for star in range(len(x)):
        part = slice(system.first[star], system.first[star + 1])
        matrix[star, system.other[part]] = matrix[system.other[part], star] = system.value[part]
    whole = system.error * np.sqrt(np.diag(np.linalg.inv(matrix)))
    ratio = system.marginal_errors(12) / whole
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert ratio.max() < 1.001  # what is left out can only make it larger
    assert system.solve(np.zeros(len(x)), 1e-8) / system.error == pytest.approx(
        np.linalg.solve(matrix, system.right), abs=1e-4
    )


def test_no_star_and_no_pixel_are_refused(scene):
    none = forced_stars(*np.zeros((3, 0)))
    with pytest.raises(ValueError, match="no stars"):
        fit_fluxes(scene.image, scene.psf, none)
    blind = scene.image._replace(weight=np.zeros(SHAPE))
    with pytest.raises(ValueError, match="no pixel"):
        fit_fluxes(blind, scene.psf, forced_stars(scene.x, scene.y, scene.flux))


def test_chains_of_close_positions_are_one_group():
    group = merge_groups(np.array([0.0, 0.8, 1.6, 9.0]), np.zeros(4), 1.0)
    assert group[0] == group[1] == group[2] != group[3]


def test_hot_pixels_are_sharp_and_stars_are_not(scene, fit):
    assert not (fit.flags & SHARP)[scene.flux < 1e5].any()
    data = scene.data.copy()
    hot_x, hot_y = np.array([57.0, 211.0, 333.0]), np.array([91.0, 300.0, 40.0])
    data[hot_y.astype(int), hot_x.astype(int)] += [800, 3000, 15_000]
    stars = forced_stars(
        np.append(scene.x, hot_x),
        np.append(scene.y, hot_y),
        np.append(scene.flux, [2e3, 8e3, 4e4]),
    )
    found = fit_fluxes(scene.image._replace(data=data), scene.psf, stars)
    assert (found.flags[-3:] & SHARP).all()
    # Those beside a hot pixel may suffer; no others do.
    assert np.count_nonzero(found.flags[:-3] & SHARP) <= 3


def test_flags_are_those_of_the_core():
    mask = np.zeros((20, 20), "u1")
    mask[5, 6] = MaskBit.SATURATED
    mask[0, 0] = MaskBit.BAD
    flags = core_flags(mask, np.array([7.2, 8.0, 0.0]), np.array([6.0, 5.0, 1.0]))
    assert flags.tolist() == [MaskBit.SATURATED, 0, MaskBit.BAD]
