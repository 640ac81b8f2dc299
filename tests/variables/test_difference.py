"""Differences of matched images: constant stars vanish, a change keeps its flux."""

from functools import cache

import numpy as np
import pytest

from variables.science.difference import MatchOptions, StampPair, kernel_prior, match_stamps

SIDE = 127
NOISE = 3.0  # ADU, of the sky
GAIN = 4.0  # e-/ADU
CHANGE = 3000  # ADU
V, U = np.mgrid[:SIDE, :SIDE]
DISTANCE = np.hypot(U - 63.2, V - 62.9)
SEEING = [(3.2, 4.4), (4.4, 3.2), (3.8, 3.8), (3.0, 5.0)]


def moffat(x, y, fwhm, ellipticity):
    r2 = (1 + ellipticity) * (U - x) ** 2 + (1 - ellipticity) * (V - y) ** 2
    beta = 3.0
    a2 = fwhm**2 / (4 * (2 ** (1 / beta) - 1))
    return (beta - 1) / (np.pi * a2) * (1 + r2 / a2) ** -beta


def stars(fwhm, seed=1, scale=1.0, sky=0.0, change=0.0, ellipticity=0.0):
    """Constant stars, and one in the middle of 4000 ADU and what it changed by."""
    return scale * starlight(fwhm, seed, change, ellipticity) + sky


@cache
def starlight(fwhm, seed, change, ellipticity):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-5, SIDE + 5, (2, 120))
    flux = 10 ** rng.uniform(2.7, 4.5, 120)
    apart = np.hypot(x - 63, y - 63) > 12
    x, y = np.append(x[apart], 63.2), np.append(y[apart], 62.9)
    flux = np.append(flux[apart], 4000 + change)
    light = zip(x, y, flux, strict=True)
    return sum(f * moffat(a, b, fwhm, ellipticity) for a, b, f in light)


def observed(image, seed):
    """With photon noise, and its weight."""
    variance = NOISE**2 + (image - image.min()) / GAIN
    noise = np.random.default_rng(seed).normal(0, np.sqrt(variance))
    return image + noise, 1 / variance


@cache
def matched_pair(fwhm, scale, seed):
    """A search image with another sky, scale and shape of PSF; and what its noise should be."""
    reference, weight_r = observed(stars(fwhm[0], seed, sky=200), 2 * seed)
    search = stars(fwhm[1], seed, scale=scale, sky=310, change=CHANGE, ellipticity=0.1)
    search, weight_s = observed(search, 2 * seed + 1)
    sigma = np.sqrt(1 / weight_r + 1 / weight_s / scale**2)
    return match_stamps(StampPair(reference, search, weight_r, weight_s), fwhm), reference, sigma


@pytest.mark.parametrize("fwhm", SEEING)
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_constant_stars_vanish_to_the_noise(fwhm, scale):
    matched, reference, sigma = matched_pair(fwhm, scale, 1)
    assert matched.scale == pytest.approx(scale, rel=0.03)
    far = (DISTANCE > 16)[9:-9, 9:-9]
    difference = matched.difference[9:-9, 9:-9][far]
    # Convolving one of the two smooths its noise, so that less is left than both had.
    pulls = difference / sigma[9:-9, 9:-9][far]
    assert 0.5 < 1.4826 * np.median(np.abs(pulls)) < 1.0
    assert np.mean(np.abs(pulls) > 5) < 5e-4
    assert 1.4826 * np.median(np.abs(difference / matched.noise)) == pytest.approx(1, abs=0.03)
    # The sky and the scale of the reference, so the same light in all.
    assert matched.search[DISTANCE > 16].mean() == pytest.approx(
        reference[DISTANCE > 16].mean(), abs=2
    )


@pytest.mark.parametrize("fwhm", SEEING)
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_a_change_keeps_its_flux_to_five_per_cent(fwhm, scale):
    pairs = [matched_pair(fwhm, scale, seed)[0] for seed in range(1, 7)]
    flux = [pair.difference[DISTANCE < 15].sum() for pair in pairs]
    # The wings of a Moffat profile of this size reach beyond 15 pixels by 1 per cent.
    assert np.mean(flux) == pytest.approx(CHANGE, rel=0.05)


def test_a_star_that_does_not_change_leaves_nothing():
    reference, weight = observed(stars(3.2, sky=200), 5)
    search, _ = observed(stars(4.4, sky=250), 6)
    matched = match_stamps(StampPair(reference, search, weight, weight), (3.2, 4.4))
    flux = matched.difference[DISTANCE < 6].sum()
    assert abs(flux) < 4 * NOISE * np.sqrt(2 * np.count_nonzero(DISTANCE < 6))


@pytest.mark.parametrize("is_sharper", [True, False])
def test_masked_pixels_take_no_part(is_sharper):
    fwhm = (3.5, 4.5) if is_sharper else (4.5, 3.5)
    reference, weight = observed(stars(fwhm[0], sky=100), 2)
    search, _ = observed(stars(fwhm[1], sky=100), 3)
    clean = match_stamps(StampPair(reference, search, weight, weight), fwhm)
    dead = weight.copy()
    dead[20:23] = dead[80:86, 70:76] = 0
    search[dead == 0] = 1e6
    masked = match_stamps(StampPair(reference, search, weight, dead), fwhm)
    assert masked.scale == pytest.approx(clean.scale, rel=0.01)
    assert np.isnan(masked.difference[dead == 0]).all()
    # What is convolved spreads its masked pixels: those that they reach are unknown, too.
    told = np.isfinite(masked.difference)
    assert 0.9 < told.mean() < 1
    assert np.abs(masked.difference - clean.difference)[told].max() < 6 * clean.noise


def test_what_has_too_few_pixels_has_no_match():
    reference, weight = observed(stars(3.5), 2)
    few = np.zeros_like(weight)
    few[60:70, 60:70] = 1
    assert match_stamps(StampPair(reference, reference, weight, few), (3.5, 3.5)) is None
    # Nothing but the star in the middle, or stars that are dark.
    dark = StampPair(reference, -reference, weight, weight)
    assert match_stamps(dark, (3.5, 3.5)) is None


def lonely_pair(seed, fwhm, flux, side, noise_seed):
    """One star in the middle of an empty stamp, on both images."""
    half = side // 2
    window = np.s_[63 - half : 64 + half, 63 - half : 64 + half]
    rng = np.random.default_rng(seed)
    x, y = 63 + rng.uniform(-0.5, 0.5, 2)
    images = [flux * moffat(x, y, f, e)[window] + 200 for f, e in zip(fwhm, (0, 0.1), strict=True)]
    (reference, weight_r), (search, weight_s) = (
        observed(image, noise_seed + k) for k, image in enumerate(images)
    )
    return StampPair(reference, search, weight_r, weight_s)


def test_bright_stars_elsewhere_tell_the_kernel_where_there_are_only_faint_ones():
    fwhm = (3.2, 4.4)
    prior = kernel_prior((lonely_pair(k, fwhm, 3e4, 63, 10 + 2 * k) for k in range(20)), fwhm)
    star = lonely_pair(50, fwhm, 3e4, SIDE, 100)
    alone, helped = match_stamps(star, fwhm), match_stamps(star, fwhm, prior)
    near = DISTANCE < 8
    assert alone is None or np.abs(alone.difference[near].sum()) > 0.2 * 3e4
    assert np.abs(helped.difference[near].sum()) < 0.04 * 3e4
    assert helped.scale == pytest.approx(1, abs=0.04)


def test_a_star_that_is_none_or_lies_elsewhere_has_no_part_in_the_prior():
    fwhm = (3.2, 4.4)
    stars = [lonely_pair(k, fwhm, 3e4, 63, 10 + 2 * k) for k in range(20)]
    star = lonely_pair(30, fwhm, 3e4, 63, 90)
    moved = star._replace(search=np.roll(star.search, 4, axis=1))
    vanished = star._replace(search=lonely_pair(31, fwhm, 0, 63, 94).search)
    good, with_bad = kernel_prior(stars, fwhm), kernel_prior([*stars, moved, vanished], fwhm)
    kernels = [np.linalg.solve(prior.normal, prior.right) for prior in (good, with_bad)]
    assert kernels[0] == pytest.approx(kernels[1], abs=1e-6)


def test_without_bright_stars_there_is_no_prior():
    assert kernel_prior([], (3.2, 4.4)) is None
    ones = np.ones((63, 63))
    masked = StampPair(ones, ones, np.zeros((63, 63)), ones)
    assert kernel_prior([masked], (3.2, 4.4)) is None


@pytest.mark.parametrize("max_star_misfit", [1e-6, 1e9])
def test_stars_of_which_none_agrees_enough_make_no_prior_and_no_error(max_star_misfit):
    fwhm = (3.2, 4.4)
    stars = [lonely_pair(k, fwhm, 3e4, 63, 10 + 2 * k) for k in range(4)]
    prior = kernel_prior(stars, fwhm, MatchOptions(max_star_misfit=max_star_misfit))
    assert (prior is None) == (max_star_misfit < 0.1)
    assert prior is None or np.all(np.isfinite(prior.normal))
