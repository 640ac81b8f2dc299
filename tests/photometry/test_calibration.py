import numpy as np
import pytest
from astropy.stats import mad_std

from photometry.science.calibration.calibration import (
    CalibrationStars,
    chebyshev_terms,
    fit_magnitude_correction,
    fit_zero_point,
    magnitudes,
    with_floor,
)
from photometry.science.calibration.error_scale import chi2_of, error_scale
from photometry.science.parts_of_chip import evenly_spread

SHAPE = (4094, 2046)


def stars(n, seed, error=0.01, n_variable=0, catalogue=None):
    """Differences that follow a 10 % variation over the chip, and its value at each star."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SHAPE[1], n), rng.uniform(0, SHAPE[0], n)
    u, v = 2 * x / SHAPE[1] - 1, 2 * y / SHAPE[0] - 1
    truth = 0.3 + 0.05 * u - 0.04 * v**2 + 0.03 * u * v**3
    difference = truth + rng.normal(0, error, n)
    difference[:n_variable] += rng.choice([-1, 1], n_variable) * rng.uniform(0.3, 3, n_variable)
    catalogue = np.zeros(n, int) if catalogue is None else catalogue
    return CalibrationStars(x, y, difference, np.full(n, error), catalogue), truth


def test_ten_percent_variation_comes_out_below_one_percent():
    sample, truth = stars(1000, seed=1)
    correction = fit_magnitude_correction(sample, SHAPE)
    assert correction.order == 4
    residual = correction.at(sample.x, sample.y, sample.catalogue) - truth
    assert np.sqrt(np.mean(residual**2)) < 0.002


def test_variables_do_not_bend_the_correction():
    sample, truth = stars(1000, seed=2, n_variable=150)
    residual = (
        fit_magnitude_correction(sample, SHAPE).at(sample.x, sample.y, sample.catalogue) - truth
    )
    assert np.sqrt(np.mean(residual**2)) < 0.003


def test_a_second_reference_keeps_its_own_zero_point():
    catalogue = np.repeat([7, 9], [600, 400])
    sample, truth = stars(1000, seed=3, catalogue=catalogue)
    sample.difference[catalogue == 9] += 0.25
    correction = fit_magnitude_correction(sample, SHAPE)
    assert correction.offsets[9] == pytest.approx(0.25, abs=0.005)
    residual = correction.at(sample.x, sample.y, catalogue) - truth - 0.25 * (catalogue == 9)
    assert np.sqrt(np.mean(residual**2)) < 0.003


@pytest.mark.parametrize(("n", "order"), [(8, 0), (30, 1), (60, 2), (100, 3), (150, 4)])
def test_few_stars_lower_the_order(n, order):
    sample, _ = stars(n, seed=4)
    assert fit_magnitude_correction(sample, SHAPE).order == order


def test_no_star_corrects_nothing():
    sample, _ = stars(0, seed=5)
    correction = fit_magnitude_correction(sample, SHAPE)
    assert correction.order == -1
    assert correction.at(np.zeros(3), np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]


def test_chebyshev_terms_are_products_up_to_the_total_degree():
    terms = chebyshev_terms(np.array([0, SHAPE[1] - 1]), np.array([0, SHAPE[0] - 1]), SHAPE, 4)
    assert terms.shape == (15, 2)
    assert np.allclose(terms[:, 1], 1)  # T_n(1) = 1
    assert set(terms[:, 0]) == {-1, 1}  # T_n(-1) = (-1)^n


def test_scale_makes_chi2_of_constant_stars_one_in_spite_of_variables():
    rng = np.random.default_rng(6)
    search_err, reference_err = rng.uniform(0.01, 0.1, (2, 3000))
    difference = rng.normal(0, np.hypot(1.7 * search_err, reference_err))
    difference[:150] += 3.0
    scale, chi2_nu = error_scale(difference, search_err, reference_err)
    assert scale == pytest.approx(1.7, rel=0.08)
    assert chi2_nu > 1.3
    pulls = difference / np.hypot(scale * search_err, reference_err)
    assert mad_std(pulls) == pytest.approx(1, abs=0.01)


def test_errors_are_expanded_never_shrunk():
    rng = np.random.default_rng(7)
    error = np.full(500, 0.1)
    scale, chi2_nu = error_scale(rng.normal(0, 0.05, 500), error, error)
    assert scale == 1
    assert chi2_nu < 0.3


def test_few_stars_do_not_judge_the_errors():
    scale, chi2_nu = error_scale(np.ones(4), np.ones(4), np.ones(4))
    assert np.isnan(chi2_of(np.ones(4), np.ones(4), np.ones(4)))
    assert scale == 1
    assert np.isnan(chi2_nu)


def test_floor_is_what_bright_stars_have():
    assert with_floor(np.array([0.0, 0.1]), 0.01) == pytest.approx([0.01, 0.1005], rel=1e-3)


def test_magnitudes_of_no_flux_are_undefined():
    mag, err = magnitudes(np.array([100.0, 0.0, -5.0]), np.array([1.0, 1.0, 1.0]), 25.0)
    assert mag[0] == pytest.approx(20)
    assert err[0] == pytest.approx(0.0109, abs=1e-4)
    assert np.isnan(mag[1:]).all()
    assert np.isnan(err[1:]).all()


def test_cluster_has_no_more_of_the_zero_point_than_other_parts_of_the_chip():
    rng = np.random.default_rng(9)
    x, y = rng.uniform(0, 1000, (2, 1300))
    x[:1000], y[:1000] = rng.normal(620, 30, (2, 1000))
    left = rng.normal(25.0, 0.03, 1300)
    left[:1000] += 0.4  # blended, and so too bright
    order = rng.permutation(1300)
    chosen = order[evenly_spread(x[order], y[order], (1000, 1000))]
    spread = fit_zero_point(np.zeros(len(chosen)), left[chosen])
    assert fit_zero_point(np.zeros(1300), left).value == pytest.approx(25.4, abs=0.02)
    assert spread.value == pytest.approx(25.0, abs=0.02)


def test_stars_all_over_a_chip_are_all_taken():
    rng = np.random.default_rng(10)
    x, y = rng.uniform(0, 1000, (2, 2000))
    assert len(evenly_spread(x, y, (1000, 1000))) == 2000
    assert len(evenly_spread(x[:1], y[:1], (1000, 1000))) == 1
    assert len(evenly_spread(x[:0], y[:0], (1000, 1000))) == 0


def test_zero_point_is_not_moved_by_mismatches():
    rng = np.random.default_rng(8)
    catalogue = rng.uniform(14, 18, 200)
    instrumental = catalogue - 29.5 + rng.normal(0, 0.03, 200)
    instrumental[:40] -= rng.uniform(0.5, 4, 40)
    fit = fit_zero_point(instrumental, catalogue)
    assert fit.value == pytest.approx(29.5, abs=0.01)
    assert fit.error < 0.01
    assert fit_zero_point(instrumental[:2], catalogue[:2]) is None
