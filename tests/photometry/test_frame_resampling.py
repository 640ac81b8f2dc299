"""Resampling keeps fluxes and positions of stars, and what is masked stays unused."""

import numpy as np
import pytest

from photometry.science.psf.psf import ChipPsf
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from tests.builders.crowded_scene import render

SHAPE = (160, 200)


def shifted(dx, dy, shape=SHAPE):
    """Maps from the grid to a frame whose stars are off by dx, dy."""
    return (
        SmoothMap.of(lambda x, y: x + dx, shape),
        SmoothMap.of(lambda x, y: y + dy, shape),
    )


def moments(stamp):
    y, x = np.mgrid[: stamp.shape[0], : stamp.shape[1]]
    total = stamp.sum()
    return total, (x * stamp).sum() / total, (y * stamp).sum() / total


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5])
def test_flux_and_position_of_a_star_are_kept_at_any_phase(fraction):
    psf = ChipPsf.round(3.6)
    dx, dy = 7 + fraction, -4 + fraction / 2
    frame = render(np.array([100.0 + dx]), np.array([80.0 + dy]), np.array([1e5]), psf, SHAPE)
    data, usable, _ = resample_to_grid(frame, np.ones(SHAPE, bool), *shifted(dx, dy), SHAPE)
    flux, x, y = moments(data[60:101, 80:121])
    expected, _, _ = moments(
        render(np.array([100.0]), np.array([80.0]), np.array([1e5]), psf, SHAPE)[60:101, 80:121]
    )
    assert flux == pytest.approx(expected, rel=5e-4)
    assert (x, y) == (pytest.approx(20, abs=2e-3), pytest.approx(20, abs=2e-3))
    assert usable[60:101, 80:121].all()


def test_pixels_off_the_frame_are_undefined_and_unusable():
    frame = np.ones(SHAPE, np.float32)
    data, usable, nearest = resample_to_grid(frame, np.ones(SHAPE, bool), *shifted(30.5, 0), SHAPE)
    assert np.isnan(data[:, -30:]).all()
    assert not usable[:, -30:].any()
    assert (nearest[:, -30:] == -1).all()
    assert np.allclose(data[:, :-31], 1)
    assert usable[:, :-31].all()


def test_masked_pixel_makes_its_neighbourhood_unusable_and_no_more():
    usable = np.ones(SHAPE, bool)
    usable[80, 100] = False
    _, good, nearest = resample_to_grid(
        np.zeros(SHAPE, np.float32), usable, *shifted(0.4, 0.4), SHAPE
    )
    bad = np.argwhere(~good[:-1, :-1])
    assert len(bad) <= 16
    assert np.abs(bad - (79.6, 99.6)).max() < 2.5
    assert nearest[80, 100] == 80 * SHAPE[1] + 100


def test_noise_keeps_its_power_on_the_scale_of_the_psf():
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (400, 400)).astype(np.float32)
    maps = shifted(0.5, 0.5, (400, 400))
    data, usable, _ = resample_to_grid(noise, np.ones(noise.shape, bool), *maps, noise.shape)
    psf = ChipPsf.round(4.0).stamps([0.0], [0.0], 21)[0]

    def spread(image):
        starts = range(5, 370, 23)
        fluxes = [np.sum(psf * image[y : y + 21, x : x + 21]) for y in starts for x in starts]
        return np.std(fluxes)

    ratio = spread(np.where(usable, data, 0)) / spread(noise)
    assert ratio == pytest.approx(1, abs=0.04)
