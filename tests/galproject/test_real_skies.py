"""Skies of the benchmarks that GalSim draws: stars lie where GalSim itself would draw them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

galsim = pytest.importorskip("galsim")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from skies.options import PIXEL_ARCSEC, SkyOptions, nights  # noqa: E402
from skies.placing import place_stars, stamps_in  # noqa: E402
from skies.psf import NODES, epoch_psf, node_parameters, node_profile  # noqa: E402
from skies.stars import VANISH, make_stars  # noqa: E402

HALF = 23  # pixels; of what is compared
FLUX = 1e5  # ADU


OPTIONS = SkyOptions(shape=(256, 256), aureole=0.0, brighter_fatter=0.0, turbulence=0.015)


@pytest.fixture(scope="module")
def psf():
    return epoch_psf(OPTIONS, 0.9, np.random.default_rng(3))


@pytest.fixture(scope="module")
def profiles():
    nodes = node_parameters(OPTIONS, 0.9, np.random.default_rng(3))
    return [[node_profile(*node) for node in row] for row in nodes]


@pytest.mark.parametrize("node", [(0, 0), (2, 2), (4, 1)])
@pytest.mark.parametrize("offset", [(0.3, -0.2), (-0.45, 0.1)])
def test_stars_have_the_flux_and_the_place_that_galsim_gives_them(node, offset, psf, profiles):
    everywhere = np.broadcast_to(psf.cores[node], psf.cores.shape).copy()
    image = np.zeros((2 * HALF + 1, 2 * HALF + 1))
    x, y = (np.array([HALF + d]) for d in offset)
    place_stars(image, x, y, np.array([FLUX]), replace(psf, cores=everywhere))
    grid = {"nx": len(image), "ny": len(image), "scale": PIXEL_ARCSEC, "offset": offset}
    profile = profiles[node[0]][node[1]].withFlux(FLUX)
    wanted = profile.drawImage(**grid, method="no_pixel").array
    assert image.sum() == pytest.approx(wanted.sum(), rel=1e-3)
    assert centre(image) == pytest.approx(centre(wanted), abs=0.01)
    assert np.abs(image - wanted).max() < 1e-3 * wanted.max()


def centre(image):
    """x and y of the light's middle, pixels."""
    y, x = np.indices(image.shape)
    return (x * image).sum() / image.sum(), (y * image).sum() / image.sum()


def test_stamps_in_a_window_are_the_light_that_stars_have_there(psf):
    x, y, flux = np.array([100.3, 104.1, 92.6]), np.array([80.2, 77.7, 99.0]), [2e4, 300.0, 50.0]
    image, window = np.zeros(OPTIONS.shape), (slice(70, 95), slice(90, 112))
    place_stars(image, x, y, np.array(flux), psf)
    stamps = stamps_in(window, x, y, np.array(flux), psf, OPTIONS.shape)
    assert np.tensordot(flux, stamps, 1) == pytest.approx(image[window], abs=1e-3)


def test_the_psf_varies_over_the_chip_between_its_nodes(psf):
    peaks = psf.cores.max(axis=(2, 3))
    assert peaks.shape == (NODES, NODES)
    assert 0.002 < peaks.std() / peaks.mean() < 0.1


def test_bright_stars_are_wider_by_the_growth_asked_for(psf):
    swollen = psf.cores[2, 2] + 0.01 * psf.growth[2, 2]
    assert swollen.max() / psf.cores[2, 2].max() == pytest.approx(1 - 2 * 0.01, abs=1e-3)


def test_nights_of_a_seed_differ_by_their_effects_alone():
    base, deep = (make_stars(nights((256, 256))[name]) for name in ("base_80k", "all_80k"))
    bright = base.mag < 23
    assert (base.u[bright] == deep.u[: len(base)][bright]).all()
    assert (base.factor[bright] == deep.factor[: len(base)][bright]).all()
    assert (base.factor[base.kind == VANISH].min(axis=1) == 0).all()
