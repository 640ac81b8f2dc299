"""Differences of matched images: constant stars vanish, a change keeps its flux."""

import numpy as np
import pytest

from variables.science.difference import MatchOptions, match

SIDE = 127
NOISE = 3.0


def stars(fwhm, seed=1, n=120, scale=1.0, sky=0.0, extra=0.0):
    """Constant stars, and one in the middle of flux 4000 plus ``extra``."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-5, SIDE + 5, (2, n))
    flux = 10 ** rng.uniform(2.7, 4.0, n)
    apart = np.hypot(x - 63, y - 63) > 12
    x, y, flux = np.append(x[apart], 63.2), np.append(y[apart], 62.9), np.append(flux[apart], 4000)
    flux[-1] += extra
    v, u = np.mgrid[:SIDE, :SIDE]
    sigma = fwhm / 2.355
    image = sum(
        f * np.exp(-0.5 * ((u - a) ** 2 + (v - b) ** 2) / sigma**2) / (2 * np.pi * sigma**2)
        for a, b, f in zip(x, y, flux, strict=True)
    )
    return scale * image + sky


def observed(image, seed):
    noise = np.random.default_rng(seed).normal(0, NOISE, image.shape)
    return image + noise, np.full(image.shape, 1 / NOISE**2)


@pytest.mark.parametrize(("reference_fwhm", "search_fwhm"), [(3.2, 4.4), (4.4, 3.2), (3.8, 3.8)])
@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_constant_stars_vanish_and_a_change_keeps_its_flux(reference_fwhm, search_fwhm, scale):
    reference, weight_r = observed(stars(reference_fwhm, sky=200), 2)
    search, weight_s = observed(stars(search_fwhm, scale=scale, sky=310, extra=3000), 3)
    is_sharper = reference_fwhm <= search_fwhm
    matched = match(reference, search, (weight_r, weight_s), is_sharper)
    assert matched.scale == pytest.approx(scale, rel=0.02)
    v, u = np.mgrid[:SIDE, :SIDE]
    near = np.hypot(u - 63.2, v - 62.9) < 10
    far = np.hypot(u - 63.2, v - 62.9) > 14
    assert matched.difference[near].sum() == pytest.approx(3000, rel=0.08)
    pulls = matched.difference[far] / matched.noise
    assert 1.4826 * np.median(np.abs(pulls)) == pytest.approx(1, abs=0.05)
    assert np.mean(np.abs(pulls) > 5) < 0.005
    assert np.median(matched.search[far]) == pytest.approx(np.median(reference[far]), abs=2)


def test_masked_pixels_take_no_part():
    reference, weight = observed(stars(3.5, sky=100), 2)
    search, _ = observed(stars(4.0, sky=100), 3)
    clean = match(reference, search, (weight, weight), True)
    dead = weight.copy()
    dead[20:30] = 0
    search[20:30] = 1e6
    masked = match(reference, search, (weight, dead), True)
    assert masked.scale == pytest.approx(clean.scale, rel=0.01)
    assert masked.difference[60:] == pytest.approx(clean.difference[60:], abs=3)


def test_what_has_too_few_pixels_has_no_match():
    reference, weight = observed(stars(3.5), 2)
    few = np.zeros_like(weight)
    few[60:70, 60:70] = 1
    assert match(reference, reference, (weight, few), True) is None
    assert match(reference, -reference, (weight, weight), True, MatchOptions()) is None
