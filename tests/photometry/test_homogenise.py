"""Variable stars at one brightness on all frames of a stack, and nothing else touched."""

import numpy as np
import pytest

from photometry.reduction.stack_stars import StarsOnFrame, homogenise_variables
from photometry.science.psf.psf import ChipPsf
from photometry.science.sky.clipping import find_outliers
from photometry.science.stacking.homogenise import flux_to_common_brightness
from photometry.science.stacking.stacking import StackOptions, average
from tests.builders.crowded_scene import render
from tests.photometry.test_stacking import SEEINGS, SHAPE, flux_in, frame_of

NOISE = 100.0


def added(*rows, error=NOISE, rchi2=1.0, usable=True):
    """What is added to stars (rows) of these fluxes on the frames (columns), as rows again."""
    flux = np.array(rows, float).T
    of_all = [np.broadcast_to(value, flux.shape) for value in (error, rchi2, usable)]
    return flux_to_common_brightness(flux, *of_all, StackOptions()).T


def test_constant_stars_are_left_as_they_are():
    rng = np.random.default_rng(1)
    flux = 10 ** rng.uniform(3, 5.5, 20_000)
    error = np.hypot(NOISE, np.sqrt(flux / 4))
    measured = rng.normal(flux, np.hypot(error, 0.005 * flux), (5, len(flux)))
    change = flux_to_common_brightness(
        measured,
        np.tile(error, (5, 1)),
        np.ones(measured.shape),
        np.ones(measured.shape, bool),
        StackOptions(),
    )
    assert np.mean(change != 0) < 1e-4


def test_star_that_varies_on_most_frames_gets_the_state_of_the_first():
    change = added([20_000, 15_000, 24_000, 18_000, 30_000])
    assert change[0] == pytest.approx([0, 5000, -4000, 2000, -10_000])


@pytest.mark.parametrize("off", [0, 3])
def test_state_of_the_majority_stands_against_one_frame(off):
    flux = np.full(5, 20_000.0)
    flux[off] = 29_000
    expected = np.zeros(5)
    expected[off] = -9000
    assert added(flux)[0] == pytest.approx(expected)


def test_slow_variable_of_small_amplitude_is_told_from_noise_only_if_it_is_bright():
    flux = np.array([1, 1.06, 1.12, 1.18, 1.24])
    bright, faint = 1e5 * flux, 2e3 * flux
    assert np.count_nonzero(added(bright)) == 4
    assert not added(faint).any()


def test_light_where_most_frames_have_no_star_is_left_to_the_clip():
    assert not added([9000, 30, -80, 10, 60]).any()


def test_of_two_frames_neither_is_right():
    assert not added([20_000, 30_000]).any()
    usable = np.array([[True, True, False, False, False]]).T
    assert not added([20_000, 30_000, 5, 5, 5], usable=usable).any()


def test_what_is_unlike_the_psf_is_left_to_the_clip():
    rchi2 = np.array([[1, 1, 1, 5000, 1]]).T
    assert not added([20_000, 20_000, 20_000, 30_000, 20_000], rchi2=rchi2).any()
    rchi2 = np.array([[5000, 1, 1, 1, 1]]).T
    assert not added([20_000, 15_000, 24_000, 18_000, 30_000], rchi2=rchi2).any()


def stars_at(x, y, flux, fwhm):
    """StarsOnFrame that were measured without an error."""
    one = np.ones(len(x))
    yes = one.astype(bool)
    return StarsOnFrame(x, y, flux, NOISE * one, one, yes, yes, ChipPsf.round(fwhm))


def test_stack_of_a_variable_star_has_its_flux_on_the_first_frame_and_the_psf_of_all():
    rng = np.random.default_rng(7)
    x, y = np.array([120.3]), np.array([100.2])
    fluxes = np.array([4e4, 2e4, 6e4, 3e4, 9e4])

    def frames_of(fluxes):
        return [
            frame_of(render(x, y, np.array([f]), ChipPsf.round(fwhm), SHAPE), fwhm, rng)
            for f, fwhm in zip(fluxes, SEEINGS, strict=True)
        ]

    frames = frames_of(fluxes)
    stars = [stars_at(x, y, fluxes[k : k + 1], SEEINGS[k]) for k in range(5)]
    changed, n_homogenised = homogenise_variables(frames, stars, x, y, StackOptions())
    assert n_homogenised == 1
    assert changed[100, 120] == 0b11110
    clipped = find_outliers(frames, StackOptions())
    assert clipped[100, 120] == 0
    stack = average(frames, clipped)
    constant = average(frames_of(np.full(5, 4e4)), np.zeros(SHAPE, np.int32))
    assert flux_in(stack.data - stack.level) == pytest.approx(4e4, rel=0.03)
    difference = (stack.data - constant.data)[85:116, 105:136]
    noise = np.sqrt(2 * np.median(1 / stack.weight) + 3 * 4e4 * 0.05 / 20)
    assert np.abs(difference).max() < 6 * noise


def test_changed_pixels_are_marked_round_the_star_alone():
    rng = np.random.default_rng(8)
    x, y = np.array([120.0]), np.array([100.0])
    fluxes = np.array([2e4, 2e4, 2e4, 2e4, 5e4])
    frames = [
        frame_of(render(x, y, np.array([f]), ChipPsf.round(4.0), SHAPE), 4.0, rng) for f in fluxes
    ]
    stars = [stars_at(x, y, np.array([f]), 4.0) for f in fluxes]
    changed, _ = homogenise_variables(frames, stars, x, y, StackOptions())
    rows, columns = np.nonzero(changed)
    assert np.hypot(rows - 100, columns - 120).max() <= 4
    assert set(np.unique(changed)) == {0, 1 << 4}
