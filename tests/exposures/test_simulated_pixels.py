"""Simulated chips: what is in the pixels is what the truth says."""

import numpy as np
import pytest
from astropy.stats import mad_std
from scipy.spatial import cKDTree

from exposures.simulation import (
    SimulationOptions,
    read_truth,
    simulate_chip,
)
from exposures.simulation.detector import ARTIFACTS, BLEED, SATURATED, add_artifacts
from exposures.simulation.mosaic import FULL_SHAPE
from exposures.simulation.optics import Optics, render_stars, stamps
from exposures.simulation.stars import KINDS, STAR_DTYPE, magnitudes_at, make_stars, positions_at
from tests.builders.simulated_nights import CROWDED, chips_of

APERTURE_PIXELS = 12


@pytest.fixture(scope="module")
def full_width():
    """A strip of a chip that is crowded enough for stars that saturate."""
    return simulate_chip(SimulationOptions(chip_shape=(250, 2046), stars_per_chip=160_000))


# Detector


def test_weight_is_the_inverse_variance_of_source_and_read_noise(full_width):
    data, weight, quality = (
        getattr(full_width.exposed, name) for name in ("data", "weight", "quality")
    )
    for amplifier in full_width.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        good = quality[:, columns] == 0
        variance = np.maximum(data[:, columns], 0) / amplifier.gain
        variance += (amplifier.read_noise / amplifier.gain) ** 2
        np.testing.assert_allclose(
            weight[:, columns][good] * variance[good], 1, rtol=1e-5, err_msg=str(columns)
        )


def test_saturation_is_cut_at_the_level_of_its_amplifier(full_width):
    for amplifier in full_width.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        data, quality = (
            getattr(full_width.exposed, name)[:, columns] for name in ("data", "quality")
        )
        saturated = quality == SATURATED
        assert saturated.any()
        np.testing.assert_allclose(data[saturated], amplifier.saturation, rtol=1e-6)
        assert data.max() <= amplifier.saturation * (1 + 1e-6)


def test_charge_bleeds_along_columns_only(full_width):
    quality = full_width.exposed.quality
    trails = np.argwhere(quality == BLEED)
    assert len(trails) > 0
    with_saturation = np.flatnonzero((quality == SATURATED).any(axis=0))
    assert set(trails[:, 1]) <= set(with_saturation)
    assert len(trails) > np.sum(quality == SATURATED)  # longer than wide


def test_the_darkest_sky_has_the_noise_of_photons_and_amplifier():
    chip = simulate_chip(
        SimulationOptions(chip_shape=(300, 2046), stars_per_chip=1, faintest_mag=23.5)
    )
    residual = chip.exposed.data - chip.sky
    for amplifier in chip.amplifiers:
        columns = slice(amplifier.x_start, amplifier.x_stop)
        expected = np.sqrt(
            chip.sky[:, columns].mean() / amplifier.gain
            + (amplifier.read_noise / amplifier.gain) ** 2
        )
        assert mad_std(residual[:, columns]) == pytest.approx(expected, rel=0.01)


# Stars


def isolated(truth, expnum, chip, faintest=18.5, radius=22):
    """Indices and pixel positions of bright stars with no light of others near, on whole pixels."""
    index, x, y = truth.star_pixels(expnum, chip.ccdnum)
    mag = truth.magnitudes(expnum)[index]
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray")
    alone = np.ones(len(x), bool)
    for a, b in (pairs.T, pairs.T[::-1]):
        alone[a[mag[b] < mag[a] + 5.5]] = False
    ny, nx = chip.shape
    alone &= (x > radius) & (x < nx - radius) & (y > radius) & (y < ny - radius)
    alone &= mag < faintest
    clean = [
        not np.any(cutout(chip.mask, a, b, APERTURE_PIXELS)) if good else False
        for a, b, good in zip(x, y, alone, strict=True)
    ]
    return index[clean], x[clean], y[clean]


def cutout(image, x, y, half):
    column, row = round(float(x)), round(float(y))
    return image[row - half : row + half + 1, column - half : column + half + 1]


def centroid(light, x, y, sigma=2.0):
    """Centre under a Gaussian window that follows it; unbiased for a symmetric star."""
    rows, columns = np.indices(light.shape)
    for _ in range(30):
        window = light * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / sigma**2)
        step_x, step_y = (
            2 * np.sum(window * (axis - at)) / window.sum()
            for axis, at in ((columns, x), (rows, y))
        )
        x, y = x + step_x, y + step_y
    return x, y


def test_true_positions_lie_on_the_stars_and_the_headers_a_little_off(sparse):
    truth = read_truth(sparse.truth)
    expnum, (chip,) = chips_of(sparse.searches[0])
    light = chip.data - truth.sky_image(expnum, chip.ccdnum)
    index, x, y = isolated(truth, expnum, chip)
    found = np.array(
        [
            np.add(
                centroid(cutout(light, a, b, 10), 10.0 + a - round(a), 10.0 + b - round(b)),
                (round(a) - 10, round(b) - 10),
            )
            for a, b in zip(x, y, strict=True)
        ]
    )
    offset = found - np.column_stack([x, y])
    assert len(index) > 20
    assert np.all(np.abs(np.median(offset, axis=0)) < 0.005)
    assert np.all(mad_std(offset, axis=0) < 0.02)
    ra, dec = (values[index] for values in truth.positions(expnum))
    header = np.column_stack(chip.wcs.all_world2pix(ra, dec, 0))
    assert 0.01 < np.median(np.hypot(*(header - found).T)) < 2


def test_fluxes_are_those_of_the_truth_and_its_flat(sparse):
    truth = read_truth(sparse.truth)
    varied = 0
    for path in (sparse.reference, *sparse.searches):
        expnum, (chip,) = chips_of(path)
        exposure = truth.exposures[truth.exposures["expnum"] == expnum][0]
        light = chip.data - truth.sky_image(expnum, chip.ccdnum)
        index, x, y = isolated(truth, expnum, chip)
        fwhm = np.full(1, exposure["fwhm"])
        profile = stamps(np.zeros(1), np.zeros(1), [fwhm, np.zeros(1), np.zeros(1)], 25)
        flux = [cutout(light, a, b, APERTURE_PIXELS).sum() for a, b in zip(x, y, strict=True)]
        mag = exposure["zero_point"] - 2.5 * np.log10(flux / profile.sum())
        flat = truth.flat(expnum, chip.ccdnum, x, y)
        error = mag - flat - truth.magnitudes(expnum)[index]
        assert abs(np.median(error)) < 0.006
        assert mad_std(error) < 0.008 < mad_std(error + flat)
        varied += np.sum(truth.stars["kind"][index] != "constant")
    assert varied > 3


def test_the_flat_has_its_amplitude_and_differs_between_exposures(crowded):
    truth = read_truth(crowded.truth)
    y, x = np.mgrid[:600:20, :500:20]
    flats = [truth.flat(expnum, 28, x, y) for expnum in truth.exposures["expnum"]]
    for flat in flats:
        assert np.ptp(flat) == pytest.approx(0.10, abs=0.01)
    assert np.std(flats[0] - flats[1]) > 0.01


def test_the_psf_is_normalised_and_widens_across_the_chip():
    rng = np.random.default_rng(1)
    optics = Optics.of(4.0, rng)
    x, y = np.array([100.3, 700.6]), np.array([100.7, 900.2])
    image = render_stars(x, y, np.full(2, 1e5), optics, (1000, 800), 1e-3)
    assert image.sum() == pytest.approx(2e5, rel=2e-3)
    peaks = [cutout(image, a, b, 2).sum() for a, b in zip(x, y, strict=True)]
    assert abs(peaks[1] / peaks[0] - 1) > 0.02


def test_counts_rise_as_asked_down_to_the_limit(full_width, crowded):
    truth = read_truth(crowded.truth)
    index, x, y = truth.star_pixels(truth.exposures["expnum"][0], 28)
    on_chip = (x > -0.5) & (x < 499.5) & (y > -0.5) & (y < 599.5)
    mag = truth.stars["mag"][index[on_chip]]
    expected = CROWDED.stars_per_chip * 600 * 500 / np.prod(FULL_SHAPE)
    assert np.sum(mag < CROWDED.limiting_mag) == pytest.approx(expected, abs=5 * expected**0.5)
    counts, _ = np.histogram(truth.stars["mag"], [19, 20.5, 22, 23.5])
    np.testing.assert_allclose(np.diff(np.log10(counts)), 0.3 * 1.5, atol=0.15)


def test_stars_move_along_their_proper_motion():
    star = np.zeros(1, STAR_DTYPE)
    star["ra"], star["dec"], star["pmra"], star["pmdec"] = 265, -60, 10, -20
    ra, dec = positions_at(star, 51544.5 + 25.5 * 365.25)  # ten years after the catalogue
    assert (ra - 265) * 3.6e6 * np.cos(np.radians(60)) == pytest.approx(100, rel=1e-4)
    assert (dec + 60) * 3.6e6 == pytest.approx(-200, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_light_curves_have_their_amplitude(kind):
    mjd = np.linspace(57000, 57010, 4001)
    star = np.zeros(1, STAR_DTYPE)
    star["mag"], star["kind"], star["amplitude"] = 18, kind, 0.8
    star["period"], star["epoch"] = 4.0, 57002.0
    curve = np.array([magnitudes_at(star, t)[0] for t in mjd])
    assert np.ptp(curve) == pytest.approx(0.8, abs=0.02)
    assert (curve.min() < 17.3) == (kind == "flare")


def test_stars_that_vanish_are_seen_on_the_reference_and_leave_no_light():
    options = SimulationOptions(chip_shape=(100, 100), n_chips=1, n_vanishing=20)
    mjds = [57000.0, 57001.0, 57002.0]
    stars = make_stars(options, mjds)
    vanishing = stars[stars["kind"] == "vanishing"]
    first, second, last = (magnitudes_at(vanishing, mjd) for mjd in mjds)
    assert len(vanishing) == 20
    assert first == pytest.approx(vanishing["mag"])
    assert {10 < m < 25 for m in second} == {True, False}
    assert np.all(last > 40)


def test_constant_stars_are_constant_and_variables_of_every_kind(crowded):
    truth = read_truth(crowded.truth)
    change = np.ptp(truth.stars["epoch_mag"], axis=1)
    constant = truth.stars["kind"] == "constant"
    assert np.all(change[constant] == 0)
    assert set(truth.stars["kind"][~constant]) == set(KINDS)
    assert np.median(change[~constant]) > 0.1


def test_artifacts_are_listed_with_their_light():
    shape, rng = (120, 140), np.random.default_rng(5)
    stars = np.array([70.0]), np.array([60.0]), np.array([2e4])
    kinds = []
    for _ in range(40):
        light = np.zeros(shape, "f4")
        (artifact,) = add_artifacts(light, stars, 1, Optics.of(4.0, rng), rng)
        assert light.sum() == pytest.approx(artifact.flux, rel=0.05)
        y, x = np.indices(shape)
        middle = np.average(x, weights=light), np.average(y, weights=light)
        assert middle == pytest.approx((artifact.x, artifact.y), abs=0.6)
        kinds.append(artifact.kind)
        if artifact.kind == "charge":
            assert 0.3 < 2.5 * np.log10(1 + artifact.flux / stars[2][0]) < 2
    assert set(kinds) == set(ARTIFACTS)
