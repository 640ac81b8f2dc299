"""Values that no detector gives are masked and told; stars are left alone, in any unit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from exposures.chip import MaskBit
from exposures.fits import InputOptions, read_chip, read_exposure
from exposures.science.impossible_pixels import PixelLimits, impossible_pixels
from tests.builders.fits_files import chip_cards, write_plain, write_triplet

SHAPE, SKY, NOISE = (200, 240), 400.0, 10.0
ABSURD = [1e20, 1.6e38, -1.6e38, 1e6, -1e6, -1e20, 3e5]


def starry_sky(fwhm=3.0, n_stars=40, brightest=2e5):
    """(ny, nx) ADU: a noisy sky with Gaussian stars, in pixels that sample them at their centre."""
    return drawn_sky(fwhm, n_stars, brightest).copy()


@cache
def drawn_sky(fwhm, n_stars, brightest, gain=4.0):
    rng = np.random.default_rng(4)
    y, x = np.indices(SHAPE)
    light = np.full(SHAPE, SKY)
    for flux in np.geomspace(3e3, brightest, n_stars):
        x0, y0 = rng.uniform(10, SHAPE[1] - 10), rng.uniform(10, SHAPE[0] - 10)
        width2 = (fwhm / 2.3548) ** 2
        profile = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width2)) / (2 * np.pi * width2)
        light += flux * profile
    noise = np.sqrt(NOISE**2 + (light - SKY) / gain)
    return (light + rng.normal(0, 1, SHAPE) * noise).astype(np.float32)


def places(n, seed=9):
    """n different pixels."""
    rng = np.random.default_rng(seed)
    return np.unravel_index(rng.choice(SHAPE[0] * SHAPE[1], n, replace=False), SHAPE)


def found_in(data, noise=NOISE):
    return impossible_pixels(data, np.isfinite(data), noise)


@pytest.mark.parametrize(
    ("fwhm", "brightest"),
    [(1.0, 3e4), (1.0, 1e6), (1.5, 3e6), (2.0, 3e7), (3.0, 3e6), (3.0, 1e9), (8.0, 3e9)],
)
def test_no_pixel_of_a_star_is_impossible_however_sharp_or_bright(fwhm, brightest):
    assert not found_in(starry_sky(fwhm, brightest=brightest)).any()


@pytest.mark.parametrize("value", [*ABSURD, 3e4])
@pytest.mark.parametrize("n", [1, 20, 2000])
def test_absurd_values_are_found_and_nothing_else(value, n):
    data = starry_sky(brightest=3e4)
    absurd = np.zeros(SHAPE, bool)
    absurd[places(n)] = True
    data[absurd] = value
    # A value that a star may have is told by its edge, which it hasn't on top of one.
    lost = absurd ^ found_in(data)
    assert lost.sum() <= (1 + 0.03 * n if 0 < value < 1e6 else 0)


def test_an_absurd_block_and_an_absurd_column_are_found_whole():
    data = starry_sky()
    data[50:54, 60:65], data[:, 100], data[30:32, 7:9] = 1e6, -1e5, 2e4
    found = found_in(data)
    assert found[50:54, 60:65].all()
    assert found[:, 100].all()
    assert found[30:32, 7:9].all()
    assert found.sum() == 20 + SHAPE[0] + 4


def test_a_gradient_and_a_dark_corner_are_sky():
    data = starry_sky() + np.linspace(0, 3000, SHAPE[1], dtype=np.float32)
    data[:70, :70] -= 300
    assert not found_in(data).any()


@pytest.mark.parametrize(("scale", "pedestal"), [(1e-5, 0), (1e-5, -SKY), (1 / 60, 100), (3e4, 0)])
def test_images_in_any_unit_and_with_any_zero_level_keep_their_stars(scale, pedestal):
    data = ((starry_sky() + pedestal) * scale).astype(np.float32)
    assert not found_in(data, NOISE * scale).any()
    data[17, 23] = 1e6 * scale
    assert np.argwhere(found_in(data, NOISE * scale)).tolist() == [[17, 23]]


@pytest.mark.parametrize("level", [0.0, 300.0])
def test_an_image_without_noise_loses_only_what_would_overflow(level):
    data = np.full(SHAPE, level, np.float32)
    data[40, 40:60], data[1, 2] = level + 20, 1e20
    assert np.argwhere(found_in(data, 1e-6 * level)).tolist() == [[1, 2]]


def triplet(folder, pixels, weights=None, codes=None):
    """A triplet with these pixels, the sky's weight and no flag, unless given."""
    changed = {
        "i": pixels,
        "w": np.full(SHAPE, 1 / NOISE**2, np.float32) if weights is None else weights,
        "d": np.zeros(SHAPE, np.int32) if codes is None else codes,
    }
    hdus = {kind: {"N4": (array, chip_cards())} for kind, array in changed.items()}
    return write_triplet(folder, changed=hdus, shape=SHAPE)


def read(path, options=InputOptions()):
    facts = read_exposure(path, options)
    return read_chip(facts, facts.chips[0], options)


@pytest.mark.parametrize("value", ABSURD)
def test_a_decam_chip_masks_absurd_values_and_says_how_many(tmp_path, value):
    data = starry_sky()
    data[17, 23] = data[101, 5] = value
    chip = read(triplet(tmp_path, data))
    assert np.argwhere(chip.weight == 0).tolist() == [[17, 23], [101, 5]]
    assert np.all(chip.mask[chip.weight == 0] == MaskBit.NO_VALUE)
    assert np.abs(chip.data).max() < 1e5 + data[chip.weight > 0].max()
    assert chip.notes == (f"pixels: 2 masked, whose values no sky or star gives ({value:.3g} to "
                          f"{value:.3g} ADU)",)  # fmt: skip


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("cards", [{}, {"SATURATE": 60000.0, "GAIN": 4.0, "RDNOISE": 7.0}])
def test_a_plain_image_masks_absurd_values_and_says_how_many(tmp_path, value, cards):
    data = starry_sky(n_stars=15)
    before = read(write_plain(tmp_path / "before.fits", data, cards))
    data[places(20)] = value
    chip = read(write_plain(tmp_path / "a.fits", data, cards))
    bad = chip.weight == 0
    assert bad.sum() == 20
    assert np.all(chip.mask[bad] == MaskBit.NO_VALUE)
    assert "pixels: 20 masked, whose values no sky or star gives" in chip.notes[0]
    np.testing.assert_allclose(chip.data[~bad], before.data[~bad], rtol=0, atol=0.5)
    np.testing.assert_allclose(chip.weight[~bad], before.weight[~bad], rtol=0.02)
    assert chip.amplifiers[0].saturation == pytest.approx(before.saturation, rel=1e-3)


def test_what_is_as_it_should_be_is_read_without_a_note(tmp_path):
    assert read(triplet(tmp_path, starry_sky())).notes == ()
    assert read(write_plain(tmp_path / "a.fits", starry_sky())).notes == ()


@pytest.mark.parametrize("weight", [np.inf, np.nan, -1.0, 1e30, -np.inf])
def test_an_absurd_weight_masks_its_pixel_and_is_told(tmp_path, weight):
    weights = np.full(SHAPE, 1 / NOISE**2, np.float32)
    weights[17, 23] = weight
    weights[1, 1] = 0  # as the pipeline writes where its quality flags a pixel: nothing to tell
    chip = read(triplet(tmp_path, starry_sky(), weights))
    assert np.argwhere(chip.weight == 0).tolist() == [[1, 1], [17, 23]]
    assert chip.notes == ("weights: 1 masked, which are undefined, negative or too large",)


@pytest.mark.parametrize("code", [np.nan, 1e20, -1e30, 2.5, 77])
def test_a_code_that_means_nothing_masks_its_pixel(tmp_path, code):
    codes = np.zeros(SHAPE)
    codes[17, 23] = code
    chip = read(triplet(tmp_path, starry_sky(), codes=codes))
    assert np.argwhere(chip.mask == MaskBit.BAD).tolist() == [[17, 23]]
    assert np.argwhere(chip.weight == 0).tolist() == [[17, 23]]


def test_a_saturation_below_the_sky_is_of_another_unit(tmp_path):
    chip = read(write_plain(tmp_path / "a.fits", starry_sky(), {"SATURATE": 50.0}))
    assert not chip.mask.any()
    cards = chip_cards(SATURATA=50.0, SATURATB=50.0)
    path = write_triplet(tmp_path, changed={"i": {"N4": (starry_sky(), cards)}}, shape=SHAPE)
    assert (read(path).weight > 0).all()


def test_each_limit_is_an_option(tmp_path):
    data = starry_sky()
    data[17, 23], data[101, 5], data[60, 60] = 2.2e5, 3e4, -2000
    path = triplet(tmp_path, data)
    lax = {"saturation_ratio": 10.0, "sharp_ratio": 1e6, "dark_sigma": 1e3}
    assert (read(path).weight == 0).sum() == 3
    for name in lax:
        limits = replace(PixelLimits(**lax), **{name: getattr(PixelLimits(), name)})
        n_masked = (read(path, InputOptions(limits=limits)).weight == 0).sum()
        assert n_masked == {"sharp_ratio": 2}.get(name, 1), name
    assert (read(path, InputOptions(limits=PixelLimits(**lax))).weight == 0).sum() == 0
