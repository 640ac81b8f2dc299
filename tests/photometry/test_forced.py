import numpy as np
import pytest

from exposures.chip import MaskBit
from photometry.science.calibration import mad_sigma
from photometry.science.forced import (
    SHARP,
    ForcedStars,
    core_flags,
    fit_fluxes,
    merge_groups,
)
from tests.photometry.scenes import apart, observe, star_list, varying_psf

SHAPE = (400, 400)


def forced_stars(x, y, flux):
    return ForcedStars(x, y, flux, np.zeros(len(x), int))


@pytest.fixture(scope="module")
def scene():
    return observe(star_list(500, SHAPE, seed=1), varying_psf(), SHAPE, seed=2)


@pytest.fixture(scope="module")
def fit(scene):
    return fit_fluxes(scene.image, scene.psf, forced_stars(scene.x, scene.y, scene.flux))


def test_fluxes_of_a_complete_list_are_unbiased_with_honest_errors(scene, fit):
    good = apart(scene.x, scene.y, 8) & (fit.quality > 0.99) & (scene.flux < 1e5)
    pulls = ((fit.flux - scene.flux) / fit.flux_err)[good]
    assert good.sum() > 100
    assert abs(np.median(pulls)) < 0.35
    assert mad_sigma(pulls) == pytest.approx(1.0, abs=0.1)


def test_blended_pair_is_unbiased():
    psf, pulls = varying_psf(), []
    x, y = np.array([100.2, 102.9, 300.0]), np.array([200.7, 200.1, 80.0])
    flux = np.array([8000.0, 3000.0, 20_000.0])
    for seed in range(20):
        pair = observe((x, y, flux), psf, SHAPE, seed=seed)
        fitted = fit_fluxes(pair.image, psf, forced_stars(x, y, flux))
        pulls.append((fitted.flux - flux) / flux)
    assert np.mean(pulls, axis=0) == pytest.approx(0, abs=0.02)


def test_masked_pixels_carry_no_information(scene, fit):
    bright = np.argsort(scene.flux)[-60]
    row, column = round(scene.y[bright]), round(scene.x[bright])
    data, weight = scene.data.copy(), scene.weight.copy()
    data[row, column], weight[row, column] = 1e6, 0
    masked = fit_fluxes(
        (data, weight, scene.mask), scene.psf, forced_stars(scene.x, scene.y, scene.flux)
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
    fitted = fit_fluxes((tilted, scene.weight, scene.mask), scene.psf, stars)
    faint = apart(scene.x, scene.y, 8) & (scene.flux < 5000) & (fitted.quality > 0.99)
    assert abs(np.median((fitted.flux - scene.flux)[faint] / fitted.flux_err[faint])) < 0.4


def test_no_star_and_no_pixel_are_refused(scene):
    none = forced_stars(*np.zeros((3, 0)))
    with pytest.raises(ValueError, match="no stars"):
        fit_fluxes(scene.image, scene.psf, none)
    blind = scene.data, np.zeros(SHAPE), scene.mask
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
    found = fit_fluxes((data, scene.weight, scene.mask), scene.psf, stars)
    assert (found.flags[-3:] & SHARP).all()
    # Those beside a hot pixel may suffer; no others do.
    assert np.count_nonzero(found.flags[:-3] & SHARP) <= 3


def test_flags_are_those_of_the_core():
    mask = np.zeros((20, 20), "u1")
    mask[5, 6] = MaskBit.SATURATED
    mask[0, 0] = MaskBit.BAD
    flags = core_flags(mask, np.array([7.2, 8.0, 0.0]), np.array([6.0, 5.0, 1.0]))
    assert flags.tolist() == [MaskBit.SATURATED, 0, MaskBit.BAD]
