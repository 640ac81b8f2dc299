"""The light of a star in a square is that of the PSF, and its slopes are those of its light."""

from dataclasses import replace

import numpy as np
import pytest

from photometry.science.detection.peak_light import fill_light, fill_light_and_slopes, new_renderer
from photometry.science.psf.stamps import DX, DY, evaluate
from tests.builders.crowded_scene import varying_psf

HALF, STEP = 7, 0.02  # pixels
SIDE = 2 * HALF + 1
CORE = 1e-3 * np.random.default_rng(1).normal(0, 1, (3, 15, 15))
PSFS = {
    "with a core": replace(varying_psf(), core=CORE),
    "with a wing": replace(varying_psf(), core=CORE, beta=4.5, wing=0.2),
    "without a core": replace(varying_psf(), core=None),
}
PLACES = [(0.0, 0.0), (0.4, -0.3), (1.3, -1.2), (-6.6, 4.4), (3.0, 11.7)]


def light_at(psf, x, y):
    """(3, n_pixels) light of a star and its slopes, and the light without these (n_pixels,)."""
    profiles = psf.profiles(*PLACES[0])
    renderer = new_renderer(profiles.core, profiles.beta, SIDE**2)
    terms, light = np.empty((3, SIDE**2)), np.empty(SIDE**2)
    fill_light_and_slopes(terms, HALF, x, y, profiles.parameters[0], renderer)
    fill_light(light, HALF, x, y, profiles.parameters[0], renderer)
    return terms, light


@pytest.mark.parametrize("kind", PSFS)
@pytest.mark.parametrize("place", PLACES)
def test_light_is_that_of_the_psf(kind, place):
    psf, reach = PSFS[kind], 20
    (light, _, _), alone = light_at(psf, *place)
    assert light == pytest.approx(alone, rel=1e-5, abs=1e-7)
    right, down = (round(c) for c in place)
    profiles = replace(psf.profiles(0, 0), parameters=psf.profiles(0, 0).parameters.copy())
    profiles.parameters[0, [DX, DY]] = place[0] - right, place[1] - down
    stamp = evaluate(profiles, 2 * reach + 1)[0]
    middle = [slice(reach - HALF - shift, reach + HALF + 1 - shift) for shift in (down, right)]
    assert light.reshape(SIDE, SIDE) == pytest.approx(stamp[*middle], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", PSFS)
@pytest.mark.parametrize("place", PLACES)
def test_slopes_are_changes_of_the_light_as_the_star_moves(kind, place):
    psf, (x, y) = PSFS[kind], place
    (light, slope_x, slope_y), _ = light_at(psf, x, y)
    for slope, (dx, dy) in ((slope_x, (STEP, 0)), (slope_y, (0, STEP))):
        after, before = (light_at(psf, x + k * dx, y + k * dy)[1] for k in (1, -1))
        assert slope == pytest.approx((after - before) / (2 * STEP), abs=1e-3 * light.max())
