"""Stacks of frames with known truth: depth, fluxes, and what a clip takes and leaves."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

from exposures.chip import MaskBit
from photometry.reduction.stack import note_on_clips
from photometry.science.psf.psf import ChipPsf
from photometry.science.sky.clipping import find_outliers, lower_median, matching_kernel
from photometry.science.stacking.resampling import SmoothMap, resample_to_grid
from photometry.science.stacking.stacking import (
    StackFrame,
    StackOptions,
    average,
    effective_detector,
    expected_gain,
)
from tests.builders.crowded_scene import render, star_list

SHAPE = (200, 240)
GAIN, READ_VARIANCE, SKY = 4.0, 6.0, 300.0
SEEINGS = (3.6, 4.4, 5.2, 4.0, 4.8)
NO_CLIP = np.zeros(SHAPE, np.int32)


def frame_of(light, fwhm, rng, sky=SKY):
    """A frame of noiseless ``light`` (ny, nx) ADU under a sky that is taken off."""
    variance = (light + sky) / GAIN + READ_VARIANCE
    data = light + rng.normal(0, 1, light.shape) * np.sqrt(variance)
    stamp = ChipPsf.round(fwhm).stamps([0.0], [0.0], 63)[0]
    return StackFrame(
        data=data.astype(np.float32),
        usable=np.ones(light.shape, bool),
        mask=np.zeros(light.shape, np.uint8),
        sky_variance=sky / GAIN,
        read_variance=READ_VARIANCE,
        gain=GAIN,
        fwhm_pixels=fwhm,
        psf=lambda x, y: stamp,
    )


def frames_of(stars, seeings=SEEINGS, seed=5):
    rng = np.random.default_rng(seed)
    return [frame_of(render(*stars, ChipPsf.round(f), SHAPE), f, rng) for f in seeings]


def with_added(frame, light):
    return replace(frame, data=(frame.data + light).astype(np.float32))


def one_star(flux):
    return np.array([120.0]), np.array([100.0]), np.array([float(flux)])


def flux_in(image, half=14):
    return image[100 - half : 101 + half, 120 - half : 121 + half].sum()


@pytest.mark.parametrize("flux", [1e3, 1e4, 1e5, 5e5])
def test_clip_leaves_the_stars_of_frames_of_different_seeing(flux):
    frames = frames_of(one_star(flux), (3.6, 5.2, 3.6, 5.2, 4.4))
    clipped = find_outliers(frames, StackOptions())
    assert np.count_nonzero(clipped[60:141, 80:161]) == 0


def test_clip_leaves_a_crowded_field_of_bright_stars():
    stars = star_list(400, SHAPE, 8)
    clipped = find_outliers(frames_of(stars), StackOptions())
    assert np.mean(clipped != 0) < 2e-4


def test_clip_without_matched_psfs_would_eat_the_core_of_the_sharpest():
    frames = frames_of(one_star(1e5), (3.6, 5.2, 5.2, 5.2, 5.2))
    assert find_outliers(frames, StackOptions())[100, 120] == 0
    delta = np.zeros((63, 63))
    delta[31, 31] = 1
    unmatched = [replace(frame, psf=lambda x, y: delta) for frame in frames]
    clipped = find_outliers(unmatched, StackOptions())
    assert clipped[100, 120] == 1


@pytest.mark.parametrize("seeings", [(1.3, 1.9, 1.7, 2.1, 1.5), (2.0, 2.4, 2.2, 2.6, 2.1)])
def test_clip_leaves_stars_that_are_hardly_sampled_on_frames_resampled_at_any_phase(seeings):
    rng = np.random.default_rng(3)
    x, y, flux = star_list(150, SHAPE, 8)
    frames = []
    for fwhm in seeings:
        dx, dy = rng.uniform(-3, 3, 2) if frames else (0, 0)
        light = render(x + dx, y + dy, flux, ChipPsf.round(fwhm), SHAPE)
        frame = frame_of(light, fwhm, rng)
        to_x, to_y = (
            SmoothMap.of(lambda x, y, d=dx: x + d, SHAPE),
            SmoothMap.of(lambda x, y, d=dy: y + d, SHAPE),
        )
        data, usable, _ = resample_to_grid(frame.data, frame.usable, to_x, to_y, SHAPE)
        frames.append(replace(frame, data=data, usable=usable))
    clipped = find_outliers(frames, StackOptions())
    assert np.count_nonzero(clipped[8:-8, 8:-8]) == 0


def test_many_clipped_stars_are_told_of_and_many_clipped_pixels_between_them_are_not():
    y, x = (c.ravel() for c in np.mgrid[20:180:10, 20:220:10])
    clipped = np.full(SHAPE, 2, np.int32)
    clipped[y, x] = 0
    assert not list(note_on_clips(clipped, x + 0.2, y - 0.2, StackOptions()))
    clipped[y[::5], x[::5]] = 4
    (note,) = note_on_clips(clipped, x + 0.2, y - 0.2, StackOptions())
    assert note.startswith("20% of the bright stars are clipped")


def test_flux_of_a_bright_star_is_that_of_the_single_images_to_3_mmag():
    frames = frames_of(one_star(4e5), (3.6, 5.2, 3.6, 5.2, 4.4))
    stack = average(frames, find_outliers(frames, StackOptions()))
    single = np.mean([flux_in(frame.data) for frame in frames])
    assert flux_in(stack.data - stack.level) == pytest.approx(single, rel=3e-3)


@pytest.mark.parametrize("at_fault", [0, 2])
def test_light_that_one_frame_alone_shows_is_clipped_from_it(at_fault):
    frames = frames_of(one_star(0))
    ghost = render(*one_star(6000), ChipPsf.round(SEEINGS[at_fault]), SHAPE)
    frames[at_fault] = with_added(frames[at_fault], ghost)
    clipped = find_outliers(frames, StackOptions())
    assert clipped[100, 120] == 1 << at_fault
    stack = average(frames, clipped)
    left = flux_in(stack.data - stack.level)
    noise = np.sqrt(29**2 * (SKY / GAIN + READ_VARIANCE) / len(frames))
    assert abs(left) < 0.03 * 6000 / len(frames) + 4 * noise


def test_charge_over_a_star_is_clipped_and_the_star_stays():
    frames = frames_of(one_star(5e4))
    charge = render(*one_star(5e4), ChipPsf.round(SEEINGS[0]), SHAPE)
    frames[0] = with_added(frames[0], charge)
    clipped = find_outliers(frames, StackOptions())
    assert clipped[100, 120] == 1
    stack = average(frames, clipped)
    assert flux_in(stack.data - stack.level) == pytest.approx(flux_in(frames[1].data), rel=0.02)


def test_star_that_was_bright_once_leaves_no_hole():
    frames = frames_of(one_star(2e4))
    frames[3] = with_added(frames[3], render(*one_star(1e5), ChipPsf.round(SEEINGS[3]), SHAPE))
    clipped = find_outliers(frames, StackOptions())
    assert clipped[100, 120] == 1 << 3
    stack = average(frames, clipped)
    assert np.all(stack.weight[90:111, 110:131] > 0)
    assert flux_in(stack.data - stack.level) == pytest.approx(flux_in(frames[0].data), rel=0.03)


def test_two_frames_that_disagree_lose_the_brighter_and_one_alone_nothing():
    frames = frames_of(one_star(0), (4.0, 4.4))
    frames[1] = with_added(frames[1], render(*one_star(2e4), ChipPsf.round(4.4), SHAPE))
    assert find_outliers(frames, StackOptions())[100, 120] == 2
    assert not find_outliers(frames[:1], StackOptions()).any()


def test_noise_of_the_stack_is_what_its_weight_says_and_as_deep_as_expected():
    frames = frames_of(one_star(0), (4.0,) * 5)
    stack = average(frames, NO_CLIP)
    noise = np.std(stack.data)
    assert np.median(stack.weight) == pytest.approx(1 / noise**2, rel=0.02)
    assert np.std(frames[0].data) / noise == pytest.approx(expected_gain(frames), rel=0.02)


def test_level_gain_and_read_noise_have_the_noise_of_the_stack():
    frames = frames_of(one_star(0))
    stack = average(frames, NO_CLIP)
    variance = stack.level / stack.gain + (stack.read_noise / stack.gain) ** 2
    assert np.var(stack.data) == pytest.approx(variance, rel=0.02)
    assert np.median(stack.data) == pytest.approx(stack.level, abs=0.5)
    assert (stack.level, stack.gain, stack.read_noise) == effective_detector(frames)


def test_gain_is_that_of_the_photons_of_a_bright_star():
    rng = np.random.default_rng(6)
    light = np.full(SHAPE, 20_000.0)
    frames = [frame_of(light, fwhm, rng) for fwhm in SEEINGS]
    stack = average(frames, NO_CLIP)
    expected = stack.level / stack.gain + (stack.read_noise / stack.gain) ** 2 + 2e4 / stack.gain
    assert np.var(stack.data) == pytest.approx(expected, rel=0.02)
    assert np.median(stack.weight) == pytest.approx(1 / expected, rel=0.02)


def test_gap_is_filled_by_the_others_and_what_none_has_stays_masked():
    frames = frames_of(one_star(0))
    gap = np.zeros(SHAPE, bool)
    gap[:, 50:60] = True
    frames[0] = replace(
        frames[0],
        data=np.where(gap, np.nan, frames[0].data),
        usable=~gap,
        mask=np.where(gap, np.uint8(MaskBit.NO_VALUE), np.uint8(0)),
    )
    core = np.zeros(SHAPE, bool)
    core[100:104, 120:124] = True
    frames = [
        replace(f, usable=f.usable & ~core, mask=f.mask | np.uint8(MaskBit.SATURATED) * core)
        for f in frames
    ]
    stack = average(frames, find_outliers(frames, StackOptions()))
    assert np.all(stack.weight[gap] > 0)
    assert np.all(stack.weight[gap] < np.median(stack.weight))
    assert np.all(stack.mask[gap] == 0)
    assert np.all(stack.weight[core] == 0)
    assert np.all(stack.mask[core] == MaskBit.SATURATED)


def test_masked_pixels_add_nothing_to_the_weight():
    frames = frames_of(one_star(0), (4.0, 4.0))
    half = np.zeros(SHAPE, bool)
    half[:100] = True
    frames[1] = replace(frames[1], usable=~half)
    stack = average(frames, NO_CLIP)
    ratio = np.median(stack.weight[~half]) / np.median(stack.weight[half])
    assert ratio == pytest.approx(2, rel=0.02)


def test_lower_median_is_a_usable_value():
    values = np.array([5.0, 1.0, 3.0, 9.0])[:, None, None]
    usable = np.array([True, True, True, True])[:, None, None]
    assert lower_median(values, usable)[0] == 3
    usable[1] = False
    median, n = lower_median(values, usable)
    assert (median, n) == (5, 3)
    assert lower_median(values, np.zeros_like(usable))[0] == 0


@pytest.mark.parametrize(("fwhm", "target"), [(3.6, 5.2), (4.0, 4.0), (3.6, 3.8)])
def test_matching_kernel_takes_one_psf_to_the_other(fwhm, target):
    psf, wanted = (ChipPsf.round(f).stamps([0.0], [0.0], 63)[0] for f in (fwhm, target))
    made = fftconvolve(psf, matching_kernel(psf, wanted), mode="same")
    assert np.abs(made - wanted).max() < 0.01 * wanted.max()
