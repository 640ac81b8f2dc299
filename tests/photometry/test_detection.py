import numpy as np
import pytest
from astropy.stats import mad_std
from scipy.spatial import cKDTree

from photometry.science.detection.detection import DetectionOptions, find_sources
from photometry.science.psf.psf import SHAPE_HIGH
from tests.builders.crowded_scene import observe, star_list, varying_psf
from tests.builders.drawn_sky import (
    draw,
    random_stars,
    saturated,
    stamp,
    transfer,
    width,
    with_holes,
)

SHAPE = (400, 500)


@pytest.fixture(scope="module")
def scene():
    return observe(star_list(600, SHAPE, seed=1), varying_psf(), SHAPE, seed=2)


@pytest.fixture(scope="module")
def found(scene):
    return find_sources(*scene.image, fwhm_pixels=np.nan)


def matched(scene, found):
    distance, index = cKDTree(np.c_[scene.x, scene.y]).query(np.c_[found.x, found.y])
    return np.flatnonzero(distance < 1), index[distance < 1]


def test_bright_stars_of_a_crowded_field_are_found(scene, found):
    _index, star = matched(scene, found)
    bright = np.flatnonzero(scene.flux > 4000)
    assert np.isin(bright, star).mean() > 0.95
    # A pair closer than the PSF's width may be found as two of which one star is nearest.
    assert len(np.unique(star)) > 0.99 * len(star)


def test_most_of_what_is_found_is_real(scene, found):
    index, _ = matched(scene, found)
    assert len(index) / len(found) > 0.95


def test_positions_of_bright_stars_are_good_to_a_fiftieth_of_a_pixel(scene, found):
    index, star = matched(scene, found)
    bright = np.isin(index, found.bright(200))
    assert bright.sum() > 20
    assert mad_std((found.x[index] - scene.x[star])[bright]) < 0.02
    assert mad_std((found.y[index] - scene.y[star])[bright]) < 0.02


def test_psf_is_learnt_from_the_image(scene, found):
    x, y = np.array([20, 480]), np.array([20, 380])
    assert found.psf.fwhm_at(x, y) == pytest.approx(scene.psf.fwhm_at(x, y), rel=0.04)


def test_psf_that_is_known_stays_as_it_is(scene, found):
    again = find_sources(*scene.image, np.nan, psf=found.psf)
    assert again.psf is found.psf
    assert len(again) == pytest.approx(len(found), rel=0.02)


def test_search_for_bright_stars_alone_finds_fewer(scene, found):
    few = find_sources(
        *scene.image, 4.0, DetectionOptions(threshold=50, min_iterations=2, max_iterations=2)
    )
    assert 20 < len(few) < 0.7 * len(found)


def test_image_without_weight_is_refused(scene):
    with pytest.raises(ValueError, match="no pixel"):
        find_sources(scene.data, np.zeros(SHAPE), scene.mask, 4.0)


def width_found(sky, psf_fwhm_pixels=np.nan):
    """The PSF that a quick search of a DrawnSky fits, and its width in the middle."""
    few = DetectionOptions(threshold=10, min_iterations=2, max_iterations=2, n_sweeps=2)
    psf = find_sources(sky.data, sky.weight, sky.mask, psf_fwhm_pixels, few).psf
    ny, nx = sky.data.shape
    return psf, width(psf.stamps(nx / 2, ny / 2, 127)[0])


@pytest.mark.parametrize(
    ("fwhm", "axis_ratio", "n", "seed"),
    [(7.5, 1.2, 600, 2), (7.5, 1.2, 900, 3), (8.5, 1.1, 900, 5)],
)
def test_psf_of_poor_seeing_is_as_wide_as_the_stars_in_a_crowd(fwhm, axis_ratio, n, seed):
    otf, shape = transfer(seeing_pixels=fwhm, axis_ratio=axis_ratio), (300, 300)
    sky = draw(otf, shape, random_stars(n, shape, seed, faintest=300), seed=seed)
    psf, found = width_found(sky)
    assert found == pytest.approx(width(stamp(otf)), rel=0.015)
    assert 3 < psf.beta < 0.8 * SHAPE_HIGH[3]


@pytest.mark.parametrize("is_masked", [True, False])
@pytest.mark.parametrize(("side", "seed"), [(150, 1), (220, 2)])
def test_saturated_star_in_a_small_frame_does_not_widen_the_psf(side, seed, is_masked):
    otf, shape = transfer(seeing_pixels=3.5, diffraction_pixels=1.0), (side, side)
    x, y, flux = random_stars(side**2 // 300, shape, seed, brightest=1e5)
    x[0], y[0], flux[0] = 0.4 * side, 0.55 * side, 3e7
    sky = saturated(draw(otf, shape, (x, y, flux), seed=seed), 4e4, is_masked)
    _, found = width_found(sky)
    assert found == pytest.approx(width(stamp(otf)), rel=0.02)


def test_cluster_of_5000_stars_does_not_take_the_psf_along():
    """Its blended stars drove the Moffat exponent to its bound, and fluxes off by 0.5 mag."""
    otf, shape = transfer(seeing_pixels=4.0, diffraction_pixels=1.0), (400, 400)
    x, y, flux = random_stars(5400, shape, seed=1, faintest=300)
    x[400:], y[400:] = np.random.default_rng(1).normal(160, 30, (2, 5000))
    inside = (x > 0) & (x < 399) & (y > 0) & (y < 399)
    sky = draw(otf, shape, (x[inside], y[inside], flux[inside]), seed=1)
    psf, found = width_found(sky)
    assert found == pytest.approx(width(stamp(otf)), rel=0.03)
    assert psf.beta > 2
    assert psf.wing == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_core_of_a_cluster_on_a_mosaic_with_holes_has_a_psf(seed):
    """Undersampled, diffraction-limited, a sixth of the pixels without value."""
    otf, shape = transfer(diffraction_pixels=3.4), (300, 300)
    rng = np.random.default_rng(seed)
    _, _, flux = random_stars(2500, shape, seed, faintest=300, brightest=3e6)
    radius, angle = 45 * np.abs(rng.standard_cauchy(2500)), rng.uniform(0, 2 * np.pi, 2500)
    x, y = 150 + radius * np.cos(angle), 150 + radius * np.sin(angle)
    inside = (x > 0) & (x < 299) & (y > 0) & (y < 299)
    sky = draw(otf, shape, (x[inside], y[inside], flux[inside]), sky=20.0, seed=seed)
    psf, found = width_found(with_holes(saturated(sky, 4e4, True)))
    assert found == pytest.approx(width(stamp(otf)), rel=0.02)
    assert psf.stamps(150, 150, 127).min() > -0.005 * psf.stamps(150, 150, 1).max()
