import numpy as np
import pytest

from exposures.chip import MaskBit
from photometry.science.forced.forced import ForcedStars, fit_fluxes
from photometry.science.injection import (
    ColumnDetector,
    Stars,
    add_artificial_stars,
    expected_errors,
    free_positions,
    light_of,
    unsaturated_flux,
)
from photometry.science.weighted_image import WeightedImage
from tests.builders.crowded_scene import (
    GAIN,
    READ_NOISE,
    SATURATION,
    SKY,
    apart,
    observe,
    star_list,
    varying_psf,
)

SHAPE = (400, 360)
DETECTOR = ColumnDetector(np.full(SHAPE[1], GAIN), np.full(SHAPE[1], SATURATION))
SKY_VARIANCE = SKY / GAIN + (READ_NOISE / GAIN) ** 2
NOBODY = Stars(*np.zeros((3, 0)))


def empty_sky(seed, shape=SHAPE):
    """Pixels of a sky without stars, as observed."""
    data = np.random.default_rng(seed).normal(0, np.sqrt(SKY_VARIANCE), shape).astype("f4")
    return WeightedImage(data, np.full(shape, 1 / SKY_VARIANCE, "f4"), np.zeros(shape, "u1"))


def some_stars(n, seed, low=2.8, high=4.5):
    rng = np.random.default_rng(seed)
    x, y = free_positions(np.ones(SHAPE, bool), n, 4, rng)
    return Stars(x, y, 10 ** rng.uniform(low, high, len(x)))


def test_forced_fit_gets_the_flux_that_was_put_in():
    scene = observe(star_list(700, SHAPE, 1), varying_psf(), SHAPE, 2)
    stars, pulls = some_stars(80, 3), []
    for seed in range(3):
        pixels = add_artificial_stars(
            scene.image, scene.psf, stars, DETECTOR, np.random.default_rng(seed)
        )
        everything = ForcedStars(
            np.concatenate([stars.x, scene.x]),
            np.concatenate([stars.y, scene.y]),
            np.concatenate([stars.flux, scene.flux]),
            np.zeros(len(stars) + len(scene.x), int),
        )
        image = pixels._replace(weight=model_weight(pixels, scene, stars))
        fit = fit_fluxes(image, scene.psf, everything)
        good = apart(everything.x, everything.y, 4)[: len(stars)] & (
            fit.quality[: len(stars)] > 0.9
        )
        pulls.append(((fit.flux[: len(stars)] - stars.flux) / fit.flux_err[: len(stars)])[good])
    pulls = np.concatenate(pulls)
    assert len(pulls) > 100
    # The same sky lies under the stars each time, so not all pulls are independent.
    assert abs(np.median(pulls)) < 0.3
    assert 0.75 < 1.4826 * np.median(np.abs(pulls - np.median(pulls))) < 1.25


def model_weight(pixels, scene, stars):
    """Inverse variance by the true light, as a model would have it."""
    before = np.where(scene.weight > 0, 1 / np.where(scene.weight > 0, scene.weight, 1), 1)
    variance = before + light_of(scene.psf, stars, SHAPE, 0.1) / GAIN
    return np.where(pixels.weight > 0, 1 / variance, 0)


def test_light_has_the_noise_of_its_electrons_and_the_weight_says_so():
    before, stars, psf = empty_sky(4), some_stars(60, 5, 3.5, 5.0), varying_psf()
    light = light_of(psf, stars, SHAPE, 0.05 * np.sqrt(SKY_VARIANCE))
    after = add_artificial_stars(before, psf, stars, DETECTOR, np.random.default_rng(6))
    added = after.data - before.data
    bright = light > 50
    chi2 = np.mean((added - light)[bright] ** 2 * GAIN / light[bright])
    assert chi2 == pytest.approx(1, abs=0.06)
    variance = 1 / after.weight[bright] - 1 / before.weight[bright]
    np.testing.assert_allclose(variance, added[bright] / GAIN, rtol=1e-3, atol=0.01)


def test_all_the_light_is_on_the_chip():
    stars, psf = Stars(np.array([180.3]), np.array([200.6]), np.array([1e6])), varying_psf()
    # Of a Moffat profile of this exponent 0.1 % lie outside the largest stamp.
    assert light_of(psf, stars, SHAPE, 1e-3).sum() == pytest.approx(1e6, rel=3e-3)


def test_a_star_at_the_edge_is_cut_off():
    stars = Stars(np.array([0.0, 359.0]), np.array([0.0, 399.0]), np.array([1e4, 1e4]))
    light = light_of(varying_psf(), stars, SHAPE, 0.1)
    assert light[0, 0] > light[5, 5] > 0
    assert light[-1, -1] > light[-6, -6] > 0
    assert 0.4e4 < light.sum() < 0.8e4


def test_unusable_pixels_stay_as_they_are():
    before = empty_sky(7)
    before.weight[190:210, 175:185] = 0
    before.mask[190:210, 175:185] = MaskBit.BLEED
    stars = Stars(np.array([180.0]), np.array([200.0]), np.array([1e6]))
    after = add_artificial_stars(before, varying_psf(), stars, DETECTOR, np.random.default_rng(8))
    masked = before.weight == 0
    for name in ("data", "weight", "mask"):
        assert np.array_equal(getattr(after, name)[masked], getattr(before, name)[masked])
    assert after.data[200, 186] > before.data[200, 186] + 100


def test_what_rises_above_saturation_is_masked_there():
    before = empty_sky(9)
    stars = Stars(np.array([180.0]), np.array([200.0]), np.array([4e6]))
    after = add_artificial_stars(before, varying_psf(), stars, DETECTOR, np.random.default_rng(10))
    full = (after.mask & MaskBit.SATURATED) != 0
    assert full[200, 180]
    assert 5 < full.sum() < 200
    assert np.all(after.data[full] == SATURATION)
    assert np.all(after.weight[full] == 0)
    assert after.data[~full].max() < SATURATION
    assert not before.mask.any()


def test_unsaturated_flux_reaches_the_level_and_no_more():
    psf = varying_psf()
    flux = unsaturated_flux(psf, SHAPE, 1000.0)
    peak = light_of(psf, Stars(np.array([180.0]), np.array([200.0]), np.array([flux])), SHAPE, 1)
    assert peak.max() == pytest.approx(1000, rel=1e-3)


def test_positions_are_clear_of_masks_and_of_each_other():
    usable = np.ones((900, 500), bool)
    usable[100:130] = False
    usable[:, 250:260] = False
    x, y = free_positions(usable, 120, 5, np.random.default_rng(11))
    assert 80 < len(x) <= 120
    assert np.all(apart(x, y, 0.5 * np.sqrt(900 * 500 / 140)))
    for i, j in zip(np.round(x).astype(int), np.round(y).astype(int), strict=True):
        assert usable[j - 5 : j + 6, i - 5 : i + 6].all()
    again = free_positions(usable, 120, 5, np.random.default_rng(11))
    assert np.array_equal(again, (x, y))


def test_a_chip_without_free_pixels_gets_no_star():
    x, y = free_positions(np.zeros((100, 100), bool), 5, 3, np.random.default_rng(0))
    assert len(x) == len(y) == 0


def test_expected_errors_are_those_of_the_fit_and_own_light_is_the_share():
    psf, weight = varying_psf(), np.full(SHAPE, 1 / SKY_VARIANCE)
    stars = some_stars(40, 12)
    dark = WeightedImage(np.zeros(SHAPE), weight, np.zeros(SHAPE, "u1"))
    seen = expected_errors(dark, psf, stars, NOBODY, DETECTOR.gain)
    pixels = add_artificial_stars(empty_sky(13), psf, stars, DETECTOR, np.random.default_rng(14))
    exact = 1 / (SKY_VARIANCE + light_of(psf, stars, SHAPE, 0.1) / GAIN)
    forced = ForcedStars(stars.x, stars.y, stars.flux, np.zeros(len(stars), int))
    fit = fit_fluxes(pixels._replace(weight=exact), psf, forced)
    np.testing.assert_allclose(seen.flux_err, fit.flux_err, rtol=0.05)
    np.testing.assert_allclose(seen.fracflux, 1, atol=0.01)
    twice = dark._replace(data=light_of(psf, stars, SHAPE, 0.01))
    double = expected_errors(twice, psf, stars, stars, DETECTOR.gain)
    np.testing.assert_allclose(double.fracflux, 0.5, atol=0.01)


def test_expected_errors_of_crowded_stars_are_the_scatter_of_their_fits():
    psf, stars, others = varying_psf(), some_stars(80, 3), Stars(*star_list(700, SHAPE, 1))
    scenes = [observe((others.x, others.y, others.flux), psf, SHAPE, seed) for seed in (2, 3, 4)]
    there = scenes[0].image._replace(data=light_of(psf, others, SHAPE, 0.1))
    expected = expected_errors(there, psf, stars, others, DETECTOR.gain)
    alone = expected_errors(there, psf, stars, NOBODY, DETECTOR.gain)
    blended = expected.fracflux < 0.7
    by_neighbours = expected.flux_err / alone.flux_err
    assert by_neighbours.min() > 0.999
    assert by_neighbours[blended].max() > 1.2
    both, pulls = stars.with_others(others), []
    everything = ForcedStars(both.x, both.y, both.flux, np.zeros(len(both), int))
    for seed, scene in enumerate(scenes):
        pixels = add_artificial_stars(
            scene.image, psf, stars, DETECTOR, np.random.default_rng(seed)
        )
        image = pixels._replace(weight=model_weight(pixels, scene, stars))
        fit = fit_fluxes(image, psf, everything).select(np.arange(len(stars)))
        apart_enough = apart(both.x, both.y, 1.0)[: len(stars)] & (fit.quality > 0.9)
        ratio = (expected.flux_err / fit.flux_err)[apart_enough]
        np.testing.assert_allclose(ratio, 1, rtol=0.05)
        pulls.append(np.where(apart_enough, (fit.flux - stars.flux) / expected.flux_err, np.nan))
    for part in (blended, ~blended):
        own = np.concatenate([pull[part] for pull in pulls])
        own = own[np.isfinite(own)]
        assert len(own) > 40
        assert 0.8 < 1.4826 * np.median(np.abs(own - np.median(own))) < 1.2


def test_a_star_on_unusable_pixels_has_no_expected_error():
    star = Stars(np.array([50.0]), np.array([50.0]), np.array([1e3]))
    nothing = WeightedImage(np.zeros(SHAPE), np.zeros(SHAPE), np.zeros(SHAPE, "u1"))
    half = nothing._replace(weight=np.where(np.arange(SHAPE[1]) < 100, 0.0, 1.0) + nothing.weight)
    for image in (nothing, half):
        seen = expected_errors(image, varying_psf(), star, NOBODY, DETECTOR.gain)
        assert np.isinf(seen.flux_err[0])
