import json

import numpy as np
import pytest
from astropy.wcs import WCS

from exposures.science.astrometry import (
    AstrometryOptions,
    PixelCorrection,
    RefinedWcs,
    find_shift,
    fit_pixel_correction,
    mutual_neighbours,
    pixel_scale_arcsec,
)

SHAPE = (4094, 2046)


def distorted(n, seed, noise=0.02, strays=0):
    """Positions, and where they are after a shift, a turn, a stretch and a bend."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SHAPE[1], n), rng.uniform(0, SHAPE[0], n)
    u, v = 2 * x / SHAPE[1] - 1, 2 * y / SHAPE[0] - 1
    x0 = x + 7.3 + 0.4 * v - 0.2 * u + 0.1 * u * v
    y0 = y - 3.1 - 0.4 * u + 0.3 * v**2
    x0, y0 = x0 + rng.normal(0, noise, n), y0 + rng.normal(0, noise, n)
    x0[:strays], y0[:strays] = rng.uniform(0, 2000, (2, strays))
    return x, y, x0, y0


def simple_wcs():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [265.0, -29.0]
    wcs.wcs.crpix = [1023, 2047]
    # As DECam is mounted: +x is south, +y is east.
    wcs.wcs.cd = [[0, 7.3e-5], [-7.3e-5, 0]]
    return wcs


def test_correction_follows_distortion_to_a_hundredth_of_a_pixel():
    x, y, x0, y0 = distorted(400, seed=1)
    correction = fit_pixel_correction(x, y, x0, y0, SHAPE)
    assert correction.order == 2
    clean = distorted(400, seed=1, noise=0)
    dx, dy = correction.apply(x, y)[0] - clean[2], correction.apply(x, y)[1] - clean[3]
    assert np.sqrt(np.mean(dx**2 + dy**2)) < 0.01
    assert correction.rms_pixels == pytest.approx(0.02, rel=0.2)


def test_stars_of_only_one_list_do_no_harm():
    x, y, x0, y0 = distorted(600, seed=2, strays=250)
    correction = fit_pixel_correction(x, y, x0, y0, SHAPE)
    clean = distorted(600, seed=2, noise=0)
    assert np.abs(correction.apply(x, y)[0] - clean[2])[250:].max() < 0.05


@pytest.mark.parametrize(("n", "order"), [(3, 0), (16, 1), (40, 2)])
def test_few_matches_lower_the_order(n, order):
    assert fit_pixel_correction(*distorted(n, seed=3), SHAPE).order == order


def test_without_a_match_nothing_is_corrected():
    far = np.array([10.0]), np.array([10.0]), np.array([900.0]), np.array([900.0])
    for lists in (far, [np.zeros(0)] * 4):
        correction = fit_pixel_correction(*lists, SHAPE)
        assert correction.order == -1
        assert correction.apply(np.array([5.0]), np.array([6.0])) == (5.0, 6.0)


def test_large_shift_is_found_among_unrelated_stars():
    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 2000, (2, 300))
    x0 = np.concatenate([x[:100] + 13.4, rng.uniform(0, 2000, 200)])
    y0 = np.concatenate([y[:100] - 17.2, rng.uniform(0, 2000, 200)])
    assert find_shift(x, y, x0, y0, 25) == pytest.approx((13.4, -17.2), abs=0.5)


def test_no_shift_is_found_between_unrelated_stars():
    rng = np.random.default_rng(8)
    x, y, x0, y0 = rng.uniform(0, 600, (4, 300))
    assert find_shift(x, y, x0, y0, 20) is None
    assert fit_pixel_correction(x, y, x0, y0, SHAPE).order == -1


def test_match_is_mutual():
    index, index0 = mutual_neighbours(
        np.array([0.0, 0.6]), np.zeros(2), np.array([0.5, 50.0]), np.zeros(2), 2.0
    )
    assert index.tolist() == [1]
    assert index0.tolist() == [0]


def test_undo_is_the_inverse_of_apply():
    correction = fit_pixel_correction(*distorted(400, seed=5), SHAPE)
    x, y = np.array([3.0, 1000.0, 2040.0]), np.array([5.0, 2000.0, 4090.0])
    back = correction.undo(*correction.apply(x, y))
    assert np.allclose(back, (x, y), atol=1e-6)


def test_refined_wcs_goes_there_and_back():
    wcs = RefinedWcs(simple_wcs(), fit_pixel_correction(*distorted(400, seed=6), SHAPE))
    x, y = np.array([10.0, 1000.0, 2000.0]), np.array([20.0, 2000.0, 4000.0])
    assert np.allclose(wcs.to_pixels(*wcs.to_sky(x, y)), (x, y), atol=1e-5)


def test_pixel_scale_is_that_of_the_wcs():
    assert pixel_scale_arcsec(simple_wcs(), SHAPE) == pytest.approx(0.2628, abs=1e-4)


def test_correction_is_stored_as_plain_values():
    nothing = PixelCorrection(SHAPE, -1).as_json()
    assert nothing == {"order": -1, "x": [], "y": [], "rms_pixels": None, "n_used": 0}
    stored = fit_pixel_correction(*distorted(400, seed=7), SHAPE, AstrometryOptions()).as_json()
    assert len(stored["x"]) == len(stored["y"]) == 6


@pytest.mark.parametrize("n", [0, 400])
def test_a_stored_correction_displaces_as_before(n):
    fitted = fit_pixel_correction(*distorted(n, seed=7), SHAPE) if n else PixelCorrection(SHAPE, -1)
    again = PixelCorrection.from_json(SHAPE, json.loads(json.dumps(fitted.as_json())))
    x, y = np.array([3.0, 1000.0, 2040.0]), np.array([5.0, 2000.0, 4090.0])
    assert np.allclose(again.displacement(x, y), fitted.displacement(x, y))
    assert again.as_json() == fitted.as_json()
    assert PixelCorrection.from_json(SHAPE, None).order == -1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("degrees", [0.05, 0.1, 0.2])
def test_a_turn_is_followed_to_the_corners_of_a_full_chip(degrees, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, SHAPE[1], 3000), rng.uniform(0, SHAPE[0], 3000)
    angle, middle = np.radians(degrees), np.array(SHAPE[::-1]) / 2
    u, v = x - middle[0], y - middle[1]
    x0 = u * np.cos(angle) - v * np.sin(angle) + middle[0]
    y0 = u * np.sin(angle) + v * np.cos(angle) + middle[1]
    correction = fit_pixel_correction(
        x, y, *(a + rng.normal(0, 0.1, 3000) for a in (x0, y0)), SHAPE
    )
    assert np.hypot(*np.subtract(correction.apply(x, y), (x0, y0))).max() < 0.1
