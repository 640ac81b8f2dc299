import numpy as np

from photometry.science.sky.residual_sky import residual_sky

SHAPE = (310, 170)


def test_smooth_sky_is_followed_whatever_the_bright_pixels():
    rng = np.random.default_rng(1)
    y, x = np.indices(SHAPE)
    sky = 5 + 0.02 * x - 0.01 * y
    image = sky + rng.normal(0, 1, SHAPE)
    image[rng.uniform(size=SHAPE) < 0.02] += 1000
    error = residual_sky(image, np.ones(SHAPE), 20) - sky
    assert np.abs(error).max() < 0.5
    assert abs(error.mean()) < 0.05  # 2 % bright pixels move a median by 0.025 sigma


def test_masked_boxes_take_the_level_of_their_neighbours():
    image, weight = np.full(SHAPE, 3.0), np.ones(SHAPE)
    image[100:200, 40:120], weight[100:200, 40:120] = 1e5, 0
    assert np.allclose(residual_sky(image, weight, 20), 3)


def test_image_without_weight_has_no_sky():
    assert not residual_sky(np.ones(SHAPE), np.zeros(SHAPE), 20).any()
