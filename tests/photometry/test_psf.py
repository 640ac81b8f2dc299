from dataclasses import replace

import numpy as np
import pytest

from photometry.science.psf.moffat import MoffatShapes, moffat_stamps
from photometry.science.psf.psf import ChipPsf, PsfOptions
from photometry.science.psf.psf_fit import StarStamps, fit_psf
from photometry.science.psf.psf_stars import brightest_everywhere, has_plateau
from photometry.science.psf.seeing import estimate_fwhm
from photometry.science.psf.splines import shifted_splines
from photometry.science.psf.stamps import add_profiles
from tests.builders.crowded_scene import observe, varying_psf
from tests.builders.drawn_sky import draw, random_stars, saturated, transfer


def round_stars(dx, dy, fwhm, size=19):
    """(n, size, size) round Moffat profiles without a wing, offset by ``dx, dy`` (n,) pixels."""
    zero = np.zeros(len(dx))
    return moffat_stamps(dx, dy, MoffatShapes(zero + fwhm, zero, zero, 3.0), size)


def test_stamps_hold_the_flux_whatever_the_subpixel_position():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(50, 900, (2, 40))
    sums = replace(varying_psf(), wing=0.2).stamps(x, y, 201).sum(axis=(1, 2))
    assert sums == pytest.approx(1, abs=0.005)  # the wings beyond 100 pixels
    assert np.ptp(sums) < 1e-3


def test_stamps_are_centred_on_the_star():
    x, y = np.array([100.3]), np.array([200.6])
    stamp = ChipPsf.round(4.0).stamps(x, y, 41)[0]
    axis = np.arange(41) - 20
    # y = 200.6 is nearest to pixel 201, so the star is 0.4 below the stamp's centre.
    assert (stamp.sum(axis=0) @ axis) / stamp.sum() == pytest.approx(0.3, abs=0.01)
    assert (stamp.sum(axis=1) @ axis) / stamp.sum() == pytest.approx(-0.4, abs=0.01)


def test_a_part_of_the_chip_sees_the_same_psf():
    psf = replace(varying_psf(), core=np.random.default_rng(2).normal(0, 0.01, (3, 7, 7)), wing=0.1)
    x, y = np.array([700.3, 900.0]), np.array([1500.2, 30.7])
    part = psf.seen_from(600, 20)
    assert part.stamps(x - 600, y - 20, 31) == pytest.approx(psf.stamps(x, y, 31), abs=1e-6)
    assert ChipPsf.round(4.0).seen_from(600, 20).fwhm == pytest.approx(4.0)


def test_reach_is_where_the_profile_falls_to_a_level():
    psf, half = varying_psf(), 60
    x, y = np.array([0.0, 500, 1000, 1500]), np.array([900.0, 100, 1400, 700])
    axis = np.arange(2 * half + 1) - half
    radius = np.hypot(axis[:, None], axis)
    for level in (1e-3, 1e-5):
        reach = psf.reach(x, y, np.full(4, level))
        for stamp, beyond in zip(psf.stamps(x, y, 2 * half + 1), reach, strict=True):
            # As far as the longest axis of the ellipse, so some pixels just inside are brighter.
            assert stamp[radius > beyond].max() <= level
            assert stamp[radius > beyond - 1.5].max() > level
    assert psf.reach(x, y, np.full(4, 1.0)) == pytest.approx(0)


def test_reach_is_as_far_as_the_profile_or_its_wing():
    psf, half = replace(ChipPsf.round(4.0), beta=5.0, wing=0.2), 60
    x = y = np.array([100.0])
    without = replace(psf, wing=0.0)
    along = psf.stamps(x, y, 2 * half + 1)[0, half, half:]
    for level in (1e-3, 1e-4, 1e-5):
        reach = psf.reach(x, y, np.full(1, level))[0]
        at_reach = np.interp(reach, np.arange(half + 1), along)
        assert level < at_reach < 2 * level
    assert reach > 1.3 * without.reach(x, y, np.full(1, level))[0]


def test_compiled_stamps_are_those_of_the_equation():
    rng = np.random.default_rng(2)
    core = rng.normal(size=(3, 15, 15)) * 1e-3
    psf = replace(varying_psf(), core=core, wing=0.2)
    x, y = rng.uniform(0, 2000, (2, 50))
    dx, dy = x - np.round(x), y - np.round(y)
    terms = np.array([np.ones(50), x / 1000, y / 1000])
    shape = [c @ terms for c in (psf.fwhm, psf.e1, psf.e2)]
    truth = moffat_stamps(dx, dy, MoffatShapes(*shape, psf.beta, psf.wing), 19)
    cores = np.einsum("tn,tjk->njk", terms, core)
    truth += shifted_splines(cores, dx, dy)
    truth /= (1 + cores.sum(axis=(1, 2)))[:, None, None]
    for size in (1, 9, 19, 31):
        cut = slice(9 - min(size, 19) // 2, 10 + min(size, 19) // 2)
        inner = slice(size // 2 - min(size, 19) // 2, size // 2 + min(size, 19) // 2 + 1)
        found = psf.stamps(x, y, size)[:, inner, inner]
        assert np.abs(found - truth[:, cut, cut]).max() < 2e-6 * truth.max()


def test_stars_are_added_where_they_lie_and_cut_at_the_edge():
    psf = varying_psf()
    x, y = np.array([20.3, -2.4, 44.8]), np.array([11.6, 30.2, 42.0])
    places = np.array([[12, 20, 5], [30, -2, 9], [42, 45, 3]])
    image = np.ones((40, 50), np.float32)
    add_profiles(image, places, np.array([2, 3, 4], "f4"), psf.profiles(x, y))
    truth = np.ones((80, 90))
    for stamp, (row, column, half), flux in zip(
        psf.stamps(x, y, 19), places + [20, 20, 0], (2, 3, 4), strict=True
    ):
        near = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
        truth[near] += flux * stamp[9 - half : 10 + half, 9 - half : 10 + half]
    assert image == pytest.approx(truth[20:60, 20:70], abs=1e-6)


def test_spline_shift_moves_a_smooth_profile_exactly():
    from scipy.ndimage import spline_filter

    def profile(dx, dy):
        return round_stars(np.array([dx]), np.array([dy]), 4.5, 31)[0]

    coefficients = spline_filter(profile(0.0, 0.0), order=3, mode="mirror")[None]
    moved = shifted_splines(coefficients, np.array([0.31]), np.array([-0.44]))[0, 2:-2, 2:-2]
    truth = profile(0.31, -0.44)
    assert np.abs(moved - truth)[3:-3, 3:-3].max() < 0.003 * truth.max()


def test_fit_recovers_a_psf_that_varies_across_the_chip():
    rng = np.random.default_rng(3)
    psf, size = varying_psf(), 19
    x, y = rng.uniform(20, 1000, (2, 150))
    flux = rng.uniform(2e4, 2e5, 150)
    stamps = psf.stamps(x, y, size) * flux[:, None, None]
    sigma = np.sqrt(stamps / 4 + 80)
    stars = StarStamps(
        x,
        y,
        x - np.round(x),
        y - np.round(y),
        stamps + rng.normal(size=sigma.shape) * sigma,
        1 / sigma**2,
    )
    fitted = fit_psf(stars, ChipPsf.round(3.0))
    corners_x, corners_y = np.array([0, 1000, 0, 1000]), np.array([0, 0, 1000, 1000])
    assert fitted.fwhm_at(corners_x, corners_y) == pytest.approx(
        psf.fwhm_at(corners_x, corners_y), rel=0.01
    )
    true, found = psf.stamps(x[:9], y[:9], size), fitted.stamps(x[:9], y[:9], size)
    true, found = (s / s.sum(axis=(1, 2))[:, None, None] for s in (true, found))
    assert np.abs(found - true).max() < 0.01 * true.max()


def test_core_takes_up_what_a_moffat_profile_can_not():
    rng = np.random.default_rng(4)
    n, size = 120, 19
    x, y = rng.uniform(20, 1000, (2, n))
    dx, dy = x - np.round(x), y - np.round(y)
    narrow = round_stars(dx, dy, 3.5, size)
    # A second, displaced component: coma.
    coma = round_stars(dx + 1.5, dy, 5.0, size)
    truth = 0.8 * narrow + 0.2 * coma
    data = 1e5 * truth + rng.normal(size=truth.shape) * 5
    stars = StarStamps(x, y, dx, dy, data, np.full(truth.shape, 1 / 25))
    fitted = fit_psf(stars, ChipPsf.round(4.0))
    found = fitted.stamps(x, y, size)
    found, truth = (s / s.sum(axis=(1, 2))[:, None, None] for s in (found, truth))
    assert np.abs(found - truth).max() < 0.02 * truth.max()


def kolmogorov_stars(rng, n, size=19, fwhm=4.0):
    """StarStamps of ``n`` stars seen through turbulent air alone, and their PSF out to 40 pixels.

    Its transfer function is exp(-3.44 (k r0)^(5/3)), which falls as r^(-11/3) far out
    (Kolmogorov's turbulence, e.g. Racine 1996, PASP 108, 699).
    """
    side = 256
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    transfer = np.exp(-3.44 * (k * fwhm / 0.976) ** (5 / 3))
    x, y = rng.uniform(20, 1000, (2, n))
    row, column = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)

    def image(dx, dy):
        moved = transfer * np.exp(-2j * np.pi * (row * dy + column * dx))
        return np.fft.fftshift(np.fft.ifft2(moved).real)

    dx, dy = x - np.round(x), y - np.round(y)
    inner = slice(side // 2 - size // 2, side // 2 + size // 2 + 1)
    light = rng.uniform(2e4, 2e5, n)[:, None, None]
    stamps = light * np.array([image(*d)[inner, inner] for d in zip(dx, dy, strict=True)])
    sigma = np.sqrt(np.maximum(stamps, 0) / 4 + 80)
    data = stamps + rng.normal(size=sigma.shape) * sigma
    return StarStamps(x, y, dx, dy, data, 1 / sigma**2), image(0, 0)[88:169, 88:169]


def test_stars_as_long_as_a_psf_can_be_get_no_wing():
    stars, _ = kolmogorov_stars(np.random.default_rng(5), 40)
    trailed = np.mean([np.roll(stars.data, k, axis=2) for k in range(-5, 6)], axis=0)
    wings = []
    for data in (stars.data, trailed):
        seen = replace(stars, data=data)
        wings.append(fit_psf(seen, fit_psf(seen, ChipPsf.round(4.0))).wing)
    assert wings[0] > 0.1 and wings[1] == 0


def test_wings_of_turbulent_air_are_followed_beyond_the_stamps():
    stars, truth = kolmogorov_stars(np.random.default_rng(5), 80)
    options = PsfOptions(max_wing=0.3)
    first = fit_psf(stars, ChipPsf.round(4.0), options)
    found = fit_psf(stars, first, options).stamps([100], [100], 81)[0]
    radius = np.hypot(*np.indices(found.shape) - 40)
    ratios = [
        found[ring].mean() / truth[ring].mean()
        for ring in ((radius > r - 1) & (radius < r + 1) for r in (8, 12, 16, 20))
    ]
    # A Moffat profile alone has but 0.6, 0.2, 0.1, 0.05 of this light.
    assert np.all(np.abs(np.array(ratios) - 1) < 0.25), ratios


def test_profile_that_falls_slowly_itself_gets_no_wing():
    """As our simulator's: beyond it is an aureole, or what was not found of the neighbours."""
    rng = np.random.default_rng(7)
    x, y = rng.uniform(20, 1000, (2, 60))
    dx, dy = x - np.round(x), y - np.round(y)
    truth = 1e5 * round_stars(dx, dy, 4.0)
    data = (
        truth + rng.normal(size=truth.shape) * 5 + 300 / (9 + np.hypot(*np.indices((19, 19)) - 9))
    )
    stars = StarStamps(x, y, dx, dy, data, np.full(truth.shape, 1 / 25))
    first = fit_psf(stars, ChipPsf.round(4.0))
    assert fit_psf(stars, first, PsfOptions(max_wing=0.3)).wing == 0


def test_no_wing_is_fitted_where_none_is_allowed():
    stars, _ = kolmogorov_stars(np.random.default_rng(6), 40)
    first = fit_psf(stars, ChipPsf.round(4.0))
    assert fit_psf(stars, first, PsfOptions(max_wing=0.0)).wing == 0
    assert fit_psf(stars, first, PsfOptions(max_wing=0.3)).wing > 0.2


def test_too_few_stars_leave_the_psf_as_it_was():
    start = ChipPsf.round(3.3)
    nothing = StarStamps(*np.zeros((4, 2)), np.zeros((2, 19, 19)), np.ones((2, 19, 19)))
    assert fit_psf(nothing, start) is start


def test_width_is_measured_without_a_guess():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(20, 380, (2, 40))
    stars = x, y, np.full(40, 2e5)
    scene = observe(stars, ChipPsf.round(5.0), (400, 400), seed=6)
    assert estimate_fwhm(scene.data, scene.weight, 9.0) == pytest.approx(5.0, rel=0.1)
    assert np.isnan(estimate_fwhm(np.zeros((64, 64)), np.ones((64, 64)), 1.0))


def test_psf_is_fitted_to_stars_of_the_whole_chip_and_not_of_a_cluster_alone():
    rng = np.random.default_rng(7)
    x, y, flux = rng.uniform(0, 1000, (3, 1000))
    x[:900], y[:900] = rng.normal(120, 15, (2, 900))
    flux[:900] += 5000
    chosen = brightest_everywhere(x, y, flux, (1000, 1000))
    assert np.array_equal(np.sort(chosen), np.arange(1000))
    assert np.isin(np.arange(900, 1000), chosen[:200]).mean() > 0.9


def test_saturated_star_is_known_by_its_flat_top_whatever_the_mask():
    for fwhm in (2.0, 4.0, 12.0):
        stamp = ChipPsf.round(fwhm).stamps(50.3, 50.4, 41)
        light = np.concatenate([stamp, np.minimum(stamp, 0.3 * stamp.max())])
        clipped = np.sum(light[1] == light[1].max())
        assert list(has_plateau(light, np.full(2, fwhm))) == [False, clipped > 8 + 0.1 * fwhm**2]
    assert clipped > 50


def test_seeing_is_measured_beside_a_saturated_star_that_no_mask_tells():
    otf, shape = transfer(seeing_pixels=3.5), (150, 150)
    x, y, flux = random_stars(75, shape, seed=1, brightest=1e5)
    x[0], y[0], flux[0] = 60.0, 82.5, 3e7
    sky = saturated(draw(otf, shape, (x, y, flux), seed=1), 4e4, is_masked=False)
    noise = 1 / np.sqrt(np.median(sky.weight))
    assert estimate_fwhm(sky.data, sky.weight, noise) == pytest.approx(3.6, rel=0.2)


def stars_of(profile, seed=8, n=60):
    """StarStamps of 19 pixels, of a function of their offsets from the middle, with some noise."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(20, 1000, (2, n))
    dx, dy = x - np.round(x), y - np.round(y)
    data = 1e5 * profile(dx, dy) + rng.normal(size=(n, 19, 19)) * 5
    return StarStamps(x, y, dx, dy, data, np.full(data.shape, 1 / 25))


def gaussian_stars(dx, dy, sigma):
    """Gaussian stars of unit flux on stamps of 19 pixels."""
    axis = np.arange(19) - 9
    squared = ((axis - dy[:, None]) ** 2)[:, :, None] + ((axis - dx[:, None]) ** 2)[:, None, :]
    return np.exp(-0.5 * squared / sigma**2) / (2 * np.pi * sigma**2)


def with_dark_ring(dx, dy):
    """Stars in rings below the sky, as resampling by sinc functions leaves."""
    axis = np.arange(19) - 9
    radius = np.hypot(axis - dy[:, None, None], (axis - dx[:, None])[:, None, :])
    star = round_stars(dx, dy, 3.0)
    return star - 0.004 * np.exp(-0.5 * ((radius - 5) / 0.7) ** 2)


def test_no_star_takes_light_away():
    stars = stars_of(with_dark_ring)
    fitted = fit_psf(stars, ChipPsf.round(4.0))
    stamps = fitted.stamps(stars.x, stars.y, 31)
    assert fitted.core is not None
    assert stamps.min() > -0.007 * stamps.max()


@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_stars_with_pixels_that_are_no_numbers_take_no_part(spoilt):
    def profile(dx, dy):
        return round_stars(dx, dy, 6.0)

    stars = stars_of(profile)
    stars.data[::3, 2, 4] = spoilt
    fitted = fit_psf(stars, ChipPsf.round(3.0))
    assert np.isfinite(fitted.stamps(stars.x, stars.y, 19)).all()
    assert fitted.fwhm_at(500, 500) == pytest.approx(6, rel=0.01)


def test_what_is_no_psf_gives_way_to_the_width_of_the_stars():
    """Rings of light have no middle, and are neither an ellipse nor one with a core."""

    def ring(dx, dy):
        axis = np.arange(19) - 9
        radius = np.hypot((axis - dy[:, None])[:, :, None], (axis - dx[:, None])[:, None, :])
        return np.exp(-0.5 * ((radius - 7) / 0.4) ** 2) / 50 - 0.001

    stars = stars_of(ring)
    fitted = fit_psf(stars, ChipPsf.round(3.0))
    stamps = fitted.stamps(stars.x, stars.y, 19)
    assert np.isfinite(stamps).all()
    assert stamps[:, 9, 9].min() > 0
    assert stamps.min() > -0.05 * stamps[:, 9, 9].min()


def test_light_of_stars_with_a_bright_spot_in_a_disc_stays_where_it_is():
    """As coma has it, or a telescope that jumps: the exponent would go to its bound."""

    def spot_in_disc(dx, dy):
        spot = gaussian_stars(dx, dy - 1.5, 1.2)
        return (spot + 2 * gaussian_stars(dx, dy + 0.5, 3.5)) / 3

    stars = stars_of(spot_in_disc)
    fitted = fit_psf(stars, ChipPsf.round(4.0))
    truth = spot_in_disc(np.zeros(1), np.zeros(1))[0]
    own = fitted.stamps(500, 500, 19)[0]
    assert own.sum() > 0.94  # 0.74 with an exponent at its bound
    assert own == pytest.approx(truth, abs=0.06 * truth.max())  # 0.37
    assert fitted.beta == PsfOptions().beta
