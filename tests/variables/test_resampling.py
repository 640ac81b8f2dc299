"""Pixels on another grid: stars keep their places and their light."""

import numpy as np
import pytest

from variables.science.resampling import cut_stamp, middle, resample_cutout

SHAPE = (300, 280)


def sky_with_star(x, y, fwhm=3.2):
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]]
    sigma = fwhm / 2.3548
    return (100 + 5000 * np.exp(-0.5 * ((u - x) ** 2 + (v - y) ** 2) / sigma**2)).astype("f4")


def turned(degrees, scale=1.0):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return scale * np.array([[c, s], [-s, c]])


def centroid(stamp):
    light = np.nan_to_num(stamp) - 100
    v, u = np.mgrid[: len(stamp), : len(stamp)]
    return (light * u).sum() / light.sum(), (light * v).sum() / light.sum()


@pytest.mark.parametrize("degrees", [0, 0.3, 37, 180])
def test_a_star_lies_where_its_place_says_however_the_grid_is_turned(degrees):
    image = sky_with_star(140.37, 151.81)
    pixels, weight = resample_cutout(
        image, np.ones(SHAPE, "f4"), (151.81, 140.37), turned(degrees), side=63
    )
    assert centroid(pixels) == pytest.approx((31, 31), abs=0.01)
    assert weight.min() == 1
    assert (pixels - 100).sum() == pytest.approx((image - 100).sum(), rel=1e-3)


def test_one_pixel_off_the_middle_follows_the_matrix():
    image = sky_with_star(150.0, 140.0)
    # The star is 6 pixels right and 4 up of the place, at half the size of a pixel.
    pixels, _ = resample_cutout(
        image, np.ones(SHAPE, "f4"), (136.0, 144.0), turned(0, 0.5), side=63
    )
    assert centroid(pixels) == pytest.approx((31 + 12, 31 + 8), abs=0.02)


def test_masked_pixels_are_shown_as_they_are_and_spoil_nothing_round_them():
    image = sky_with_star(140.37, 151.81)
    weight = np.ones(SHAPE, "f4")
    place = (151.81, 140.37), turned(0)
    clean, _ = resample_cutout(image, weight, *place, side=63)
    image[140, 130], weight[140, 130] = 60_000, 0
    pixels, weights = resample_cutout(image, weight, *place, side=63)
    assert pixels.max() == 60_000
    assert 9 <= np.count_nonzero(weights == 0) <= 16
    assert pixels[weights > 0] == pytest.approx(clean[weights > 0], abs=1)


def test_a_saturated_column_rings_no_darker_than_the_sky():
    image = sky_with_star(140.37, 151.81)
    image[:, 150] = 60_000
    pixels, _ = resample_cutout(image, np.ones(SHAPE, "f4"), (151.3, 150.4), turned(0), side=63)
    assert pixels.min() >= 100 - 1e-3 and pixels.max() > 30_000


def test_beyond_the_edge_nothing_is_known():
    image, weight = sky_with_star(5, 5), np.ones(SHAPE, "f4")
    pixels, weights = resample_cutout(image, weight, (5.2, 5.1), turned(0), side=63)
    assert np.isnan(pixels[:20]).all() and np.isfinite(pixels[40:, 40:]).all()
    assert (weights[:20] == 0).all() and (weights[40:, 40:] == 1).all()
    pixels, weights = resample_cutout(image, weight, (-500.0, 5.0), turned(0), side=63)
    assert np.isnan(pixels).all() and not weights.any()


def test_cuts_have_their_place_in_the_middle():
    image = np.arange(100.0).reshape(10, 10)
    assert cut_stamp(image, 4, 5, 3).tolist() == image[4:7, 3:6].tolist()
    assert cut_stamp(image, 0, 9, 3, -1).tolist() == [[-1, 80, 81], [-1, 90, 91], [-1, -1, -1]]
    assert middle(cut_stamp(image, 4, 5, 5), 3).tolist() == image[4:7, 3:6].tolist()
