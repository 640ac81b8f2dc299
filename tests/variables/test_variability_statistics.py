"""Statistics of many light curves in one pass: against plain numpy, and against known truth."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import skew

from variables.science.variability.curves import ZERO_POINT, CatalogueCurves, Missed
from variables.science.variability.scatter_records import put_records
from variables.science.variability.statistics import NAMES, matrix_statistics

DAYS_A_YEAR = 365.25


def noise(n_stars=2000, n_images=60, error=0.02, seed=1):
    """Times, magnitudes of constant stars, and their errors, of which a tenth is not measured."""
    rng = np.random.default_rng(seed)
    mjd = 60000 + np.sort(rng.uniform(0, 700, n_images))
    mag_err = rng.uniform(0.5, 1.5, (n_stars, n_images)) * error
    mag = 17 + rng.normal(0, mag_err)
    mag[rng.random(mag.shape) < 0.1] = np.nan
    return mjd, mag, mag_err


def plain(mjd, mag, mag_err):
    """The statistics of one light curve, one after the other, as their papers have them."""
    good = np.isfinite(mag)
    t, m, e = mjd[good] / DAYS_A_YEAR, mag[good].astype("f4").astype("f8"), mag_err[good]
    e, n = e.astype("f4").astype("f8"), good.sum()
    w = e**-2
    mean = np.average(m, weights=w)
    median = np.median(m)
    delta = np.sqrt(n / (n - 1)) * (m - mean) / e
    near = np.exp(-np.diff(t) * DAYS_A_YEAR / np.median(np.diff(mjd)))
    product = delta[1:] * delta[:-1]
    line, covariance = np.polyfit(t - t.mean(), m, 1, w=1 / e, cov="unscaled")
    chi2 = np.sum(((m - np.polyval(line, t - t.mean())) / e) ** 2) / (n - 2)

    def unlikeliness(excess):
        v = e**2 + excess**2
        return np.sum(np.log(v) + (m - np.average(m, weights=1 / v)) ** 2 / v)

    return {
        "n_epochs": n,
        "mean_mag": mean,
        "sigma_mad": 1.482602 * np.median(np.abs(m - median)),
        "iqr_mag": np.subtract(*np.percentile(m, (75, 25))),
        "range_mag": np.subtract(*np.percentile(m, (95, 5))),
        "chi2_nu": np.sum(w * (m - mean) ** 2) / (n - 1),
        "excess_mag": minimize_scalar(unlikeliness, bounds=(0, 1), options={"xatol": 1e-7}).x,
        "skewness": skew(m),
        "stetson_j": np.sum(near * np.sign(product) * np.sqrt(np.abs(product))) / near.sum(),
        "stetson_k": np.mean(np.abs(delta)) / np.sqrt(np.mean(delta**2)),
        "von_neumann": np.sum(np.diff(m) ** 2) / np.sum((m - m.mean()) ** 2),
        "slope_mag": line[0],
        "slope_err": np.sqrt(covariance[0, 0] * max(chi2, 1)),
    }


def test_statistics_are_those_of_plain_numpy():
    mjd, mag, mag_err = noise(40)
    mag += np.linspace(0, 0.1, 40)[:, None] * np.random.default_rng(3).normal(size=mag.shape)
    found = matrix_statistics(mjd, mag, mag_err)
    for star in range(len(mag)):
        for name, value in plain(mjd, mag[star], mag_err[star]).items():
            near = pytest.approx(value, rel=2e-3, abs=1e-3 if name == "excess_mag" else 3e-5)
            assert getattr(found, name)[star] == near, name


def test_constant_stars_have_the_values_of_noise():
    found = matrix_statistics(*noise())
    means = {"chi2_nu": 1, "skewness": 0, "stetson_j": 0, "stetson_k": 0.798, "von_neumann": 2}
    for name, value in means.items():
        assert np.mean(getattr(found, name)) == pytest.approx(value, abs=0.03), name
    assert np.median(found.excess_mag) < 0.003
    pulls = found.slope_mag / found.slope_err
    assert abs(pulls.mean()) < 0.1 and pulls.std() == pytest.approx(0.95, abs=0.08)


def test_the_robust_mean_and_sigma_do_not_follow_outliers():
    mjd, mag, mag_err = noise()
    mag[:, 3] += 1.0
    found = matrix_statistics(mjd, mag, mag_err)
    assert np.nanmedian(found.robust_mag) == pytest.approx(17, abs=1e-3)
    assert np.median(found.sigma_mad) < 0.025
    measured = np.isfinite(mag[:, 3])
    assert np.mean(found.deviation_mag[measured]) == pytest.approx(1.0, abs=0.01)
    assert (found.deviation_sigma[measured] > 25).all()


@pytest.mark.parametrize("scatter", [0.02, 0.1])
def test_the_excess_scatter_is_that_of_the_stars_and_its_error_is_true(scatter):
    mjd, mag, mag_err = noise()
    mag += np.random.default_rng(4).normal(0, scatter, mag.shape)
    found = matrix_statistics(mjd, mag, mag_err)
    pulls = (found.excess_mag - scatter) / found.excess_err
    assert np.median(found.excess_mag) == pytest.approx(scatter, rel=0.03)
    assert pulls.std() == pytest.approx(1, abs=0.15)


def test_the_slope_is_that_of_a_star_that_fades():
    mjd, mag, mag_err = noise()
    mag += 0.2 * (mjd - mjd.mean()) / DAYS_A_YEAR
    found = matrix_statistics(mjd, mag, mag_err)
    pulls = (found.slope_mag - 0.2) / found.slope_err
    assert abs(pulls.mean()) < 0.1
    assert np.median(found.von_neumann) < 1 and np.median(found.stetson_j) > 0.5


def test_too_few_epochs_have_no_statistics_but_their_number():
    mjd, mag, mag_err = noise(3, 12)
    mag[0, 4:], mag[1] = np.nan, np.nan
    found = matrix_statistics(mjd, mag, mag_err)
    assert found.n_epochs[0] <= 4 and found.n_epochs[1] == 0
    for name in NAMES[1:]:
        assert np.isfinite(getattr(found, name)).tolist() == [False, False, True]


def test_no_star_and_no_image_are_no_error():
    assert len(matrix_statistics(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0))).n_epochs) == 0
    assert matrix_statistics(np.zeros(0), np.zeros((3, 0)), np.zeros((3, 0))).n_epochs.sum() == 0


def test_measurements_without_an_error_do_not_count():
    mjd, mag, mag_err = noise(2, 20)
    mag = np.nan_to_num(mag, nan=17.0)
    mag_err[0, :5], mag_err[0, 5:8] = np.nan, 0
    assert matrix_statistics(mjd, mag, mag_err).n_epochs.tolist() == [12, 20]


def curves_of(mjd, flux, flux_err):
    """CatalogueCurves of fluxes and their error, positive ones as magnitudes."""
    positive = flux > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mag = np.where(positive, ZERO_POINT - 2.5 * np.log10(flux), np.nan)
        mag_err = np.where(positive, 2.5 / np.log(10) * flux_err / flux, np.nan)
    star, image = np.nonzero(~positive)
    return CatalogueCurves(
        np.arange(len(flux)),
        np.arange(len(mjd)),
        mjd,
        "i",
        mag.astype("f4"),
        mag_err.astype("f4"),
        Missed(star, image, flux[~positive], np.full(len(star), flux_err)),
    )


def curve_statistics(curves, faint_sigma=5.0):
    """In fluxes where a star fades."""
    whole = curves.in_flux(curves.fading(faint_sigma))
    return matrix_statistics(whole.mjd, whole.mag, whole.mag_err)


def test_faint_constant_stars_are_no_more_variable_than_bright_ones():
    """In magnitudes what is missed would be lost, and the rest too bright."""
    rng = np.random.default_rng(5)
    mjd, flux = np.arange(60000.0, 60040), np.repeat([2.0, 100.0], 500)[:, None]
    curves = curves_of(mjd, flux + rng.normal(0, 1, (1000, 40)), 1.0)
    found = curve_statistics(curves)
    assert (found.n_epochs == 40).all() and curves.fading(5.0).tolist() == [True] * 500 + [
        False
    ] * 500
    for part in (slice(500), slice(500, None)):
        assert np.mean(found.chi2_nu[part]) == pytest.approx(1, abs=0.03)
        assert abs(np.mean(found.skewness[part])) < 0.05
    assert np.mean(found.mean_mag[:500]) == pytest.approx(ZERO_POINT - 2.5 * np.log10(2), abs=0.06)


def test_a_star_that_vanishes_deviates_by_all_its_light():
    rng = np.random.default_rng(6)
    flux = np.full((200, 30), 100.0)
    flux[:100, 10:13] = 0
    found = curve_statistics(curves_of(np.arange(30.0), flux + rng.normal(0, 1, flux.shape), 1.0))
    assert (found.deviation_sigma[:100] > 90).all() and (found.deviation_sigma[100:] < 10).all()
    assert (found.deviation_mag[:100] > 1).all()


def test_a_star_that_is_rarely_there_still_has_statistics():
    flux = np.full((2, 20), -0.1)
    flux[0, :3] = 50.0
    found = curve_statistics(curves_of(np.arange(20.0), flux, 1.0))
    assert found.chi2_nu[0] > 100 and np.isnan(found.chi2_nu[1])


def test_stars_without_a_fading_measurement_are_left_in_magnitudes():
    flux = 100 + np.random.default_rng(7).normal(0, 1, (50, 20))
    curves = curves_of(np.arange(20.0), flux, 1.0)
    in_mag = matrix_statistics(curves.mjd, curves.mag, curves.mag_err)
    assert np.array_equal(curve_statistics(curves).mean_mag, in_mag.mean_mag)
    always = curve_statistics(curves, faint_sigma=1000.0)
    assert not np.array_equal(always.mean_mag, in_mag.mean_mag)


def test_records_of_the_server_are_put_where_they_belong_in_any_order():
    rng = np.random.default_rng(8)
    images = np.array([70, 20, 2**40])
    star, image = (c.ravel() for c in np.mgrid[:50, :3])
    dtype = [("n", ">i2"), ("refsource_id", ">i8"), ("galimage_id", ">i8"), ("mag", ">f4")]
    records = np.zeros(150, dtype)
    records["refsource_id"], records["galimage_id"] = (7 << 20) + star, images[image]
    records["mag"] = rng.normal(size=150)
    mag = np.full((49, 3), np.nan, "f4")
    columns = np.array([[20, 2], [70, 0]])  # without the third
    put_records(records[rng.permutation(150)], columns, {"mag": mag})
    expected = records["mag"].reshape(50, 3)[:49]
    assert np.array_equal(mag[:, 0], expected[:, 0]) and np.array_equal(mag[:, 2], expected[:, 1])
    assert np.isnan(mag[:, 1]).all()
