"""Sky of simulated crowded fields with known truth, of awkward images, and of real ones."""

import numpy as np
import pytest
from astropy.io import fits
from scipy.stats import exponnorm

from photometry.science.sky.sky import SkyOptions, fit_sky
from photometry.science.sky.sky_tiles import TileGrid
from photometry.science.sky.tile_likelihood import starlight_cdf

GAIN, READ_NOISE, SATURATION = 4.0, 10.0, 40_000.0  # e-/ADU, e-, ADU
CHIP_PIXELS = 4094 * 2046
# Tiles as large as those of a whole chip, on a part of 1024 x 1024 pixels.
PART_OF_CHIP = SkyOptions(tiles_y=5, tiles_x=5)


def noise_of(level, gain=GAIN, read_noise=READ_NOISE):
    return np.sqrt(level / gain + (read_noise / gain) ** 2)


def sloping_sky(shape, level=1000.0, slope_y=0.015, slope_x=0.02):
    y, x = np.indices(shape) / np.array(shape).reshape(2, 1, 1) - 0.5
    return level * (1 + slope_y * y + slope_x * x + 0.01 * y * y)


def star_fluxes(rng, n_stars, level, alpha2):
    """0.3 dex per magnitude, from saturation to 2 magnitudes below the 5 sigma limit."""
    brightest = SATURATION * np.pi * alpha2 / 2
    noise_pixels = 5 * np.pi * alpha2 / 4  # of a Moffat with beta = 3
    faintest = 5 * noise_of(level) * np.sqrt(noise_pixels) * 10**-0.8
    magnitude_range = 2.5 * np.log10(brightest / faintest)
    fainter = np.log10(1 + rng.random(n_stars) * (10 ** (0.3 * magnitude_range) - 1)) / 0.3
    return brightest * 10 ** (-0.4 * fainter)


def starlight(rng, shape, n_stars, level, fwhm_pixels=4.0, margin=50):
    """Moffat stars, beta = 3, each drawn as far out as it matters."""
    alpha2 = (fwhm_pixels / 2) ** 2 / (2 ** (1 / 3) - 1)
    fluxes = star_fluxes(rng, n_stars, level, alpha2)
    peaks = 2 * fluxes / (np.pi * alpha2)
    image = np.zeros([size + 2 * margin for size in shape])
    positions = rng.uniform(margin, np.array(shape) + margin, (n_stars, 2))
    reach = np.sqrt(alpha2 * np.maximum((peaks / (0.01 * noise_of(level))) ** (1 / 3) - 1, 1))
    reach = np.clip(np.ceil(reach), 6, margin - 1).astype(int)
    for (y, x), peak, radius in zip(positions, peaks, reach, strict=True):
        row, column, offsets = round(y), round(x), np.arange(-radius, radius + 1)
        r2 = (offsets[:, None] + row - y) ** 2 + (offsets + column - x) ** 2
        box = np.s_[row - radius : row + radius + 1, column - radius : column + radius + 1]
        image[box] += peak * (1 + r2 / alpha2) ** -3.0
    return image[margin:-margin, margin:-margin]


def observe(rng, light):
    """Data and weight of an exposure of what arrives in ADU, counted in electrons."""
    data = (rng.poisson(light * GAIN) + READ_NOISE * rng.normal(size=light.shape)) / GAIN
    variance = np.maximum(data, 0) / GAIN + (READ_NOISE / GAIN) ** 2
    return data.astype(np.float32), np.where(light < SATURATION, 1 / variance, 0)


def fit(data, weight=None, gain=GAIN, read_noise=READ_NOISE, options=None):
    weight = np.ones(data.shape) if weight is None else weight
    columns = np.ones(data.shape[1])
    return fit_sky(data, weight, gain * columns, read_noise * columns, options or SkyOptions())


def error_by_tile(sky, truth, options):
    """Measured minus true level of each tile, in sigma."""
    error = (sky.image - truth) / noise_of(truth)
    return np.array(
        [error[tile].mean() for tile in TileGrid.covering(truth.shape, options).slices()]
    )


@pytest.mark.parametrize("stars_a_chip", [0, 20_000, 80_000, 160_000])
def test_sky_of_a_crowded_field_is_that_between_the_stars(stars_a_chip):
    rng = np.random.default_rng(stars_a_chip)
    truth = sloping_sky((1024, 1024))
    n_stars = stars_a_chip * truth.size // CHIP_PIXELS
    data, weight = observe(rng, truth + starlight(rng, truth.shape, n_stars, 1000.0))
    sky = fit(data, weight, options=PART_OF_CHIP)
    error = error_by_tile(sky, truth, PART_OF_CHIP)
    assert abs(np.median(error)) < 0.2
    assert np.abs(error).max() < 0.4
    assert np.abs(sky.image - truth).max() < 0.5 * noise_of(1000.0)
    assert sky.noise == pytest.approx(noise_of(1000.0), rel=0.02)
    assert sky.fallback == ""


def test_starlight_grows_with_the_number_of_stars():
    scales = []
    for n_stars in (0, 3000, 15_000):
        rng = np.random.default_rng(3)
        light = 1000.0 + starlight(rng, (512, 512), n_stars, 1000.0)
        sky = fit(*observe(rng, light), options=SkyOptions(tiles_y=2, tiles_x=2))
        scales.append(np.median(sky.tile_scale) / sky.noise)
    assert scales[0] < 0.2 < scales[1] < scales[2]


@pytest.mark.parametrize("sigma_over_scale", [0.05, 1.0, 20.0])
def test_starlight_distribution_is_the_exponentially_modified_gaussian(sigma_over_scale):
    z = np.linspace(-4, 3, 50)
    expected = exponnorm.cdf(z, 1 / sigma_over_scale)
    assert starlight_cdf(z, sigma_over_scale, 0.0) == pytest.approx(expected, rel=1e-6)


def test_steep_gradient_is_followed_to_the_corners():
    rng = np.random.default_rng(4)
    truth = sloping_sky((1024, 1024), slope_y=0.3, slope_x=-0.2)
    sky = fit(*observe(rng, truth), options=PART_OF_CHIP)
    assert np.abs((sky.image - truth) / noise_of(truth)).max() < 0.5
    assert sky.n_rejected == 0


def test_masked_pixels_carry_no_information():
    rng = np.random.default_rng(5)
    data, weight = observe(rng, sloping_sky((600, 600)))
    weight[rng.random(data.shape) < 0.2] = 0
    clean = fit(data, weight)
    data[weight == 0] = rng.choice([np.nan, 60_000, -5000], np.count_nonzero(weight == 0))
    assert np.array_equal(fit(data, weight).image, clean.image)


def test_nan_under_positive_weight_is_ignored():
    rng = np.random.default_rng(6)
    data, weight = observe(rng, sloping_sky((300, 300)))
    data[::7, ::5] = np.nan
    assert np.isfinite(fit(data, weight).image).all()


def test_tiles_on_a_nebula_are_rejected_and_bridged():
    rng = np.random.default_rng(7)
    truth = sloping_sky((1000, 1000))
    y, x = np.indices(truth.shape)
    nebula = 400 * np.exp(-0.5 * ((y - 430) ** 2 + (x - 560) ** 2) / 50**2)
    sky = fit(*observe(rng, truth + nebula))
    assert 1 <= sky.n_rejected <= 16
    assert np.isnan(sky.tile_level[4, 5])
    assert abs(sky.image[430, 560] - truth[430, 560]) < 0.5 * noise_of(1000.0)


def test_masked_tiles_are_filled_from_their_neighbours():
    rng = np.random.default_rng(8)
    truth = sloping_sky((1000, 1000))
    data, weight = observe(rng, truth)
    weight[200:500, 700:] = 0
    sky = fit(data, weight)
    assert sky.n_rejected == 9
    assert np.abs(sky.image - truth).max() < 0.8 * noise_of(1000.0)
    assert sky.fallback.startswith("10 x 10 tiles")


def test_few_good_tiles_give_a_plane_and_say_so():
    rng = np.random.default_rng(9)
    truth = sloping_sky((1000, 1000))
    data, weight = observe(rng, truth)
    weight[:800] = 0
    sky = fit(data, weight)
    assert "only 20 good tiles" in sky.fallback
    assert np.abs(sky.image[800:] - truth[800:]).max() < 0.5 * noise_of(1000.0)
    assert np.abs(sky.image - truth).max() < 3 * noise_of(1000.0)


@pytest.fixture(scope="module")
def starry():
    """(truth, data, weight) of a field of 5,000 stars."""
    rng = np.random.default_rng(10)
    truth = sloping_sky((1024, 1024))
    return truth, *observe(rng, truth + starlight(rng, truth.shape, 5000, 1000.0))


@pytest.mark.parametrize("assumed_gain", [GAIN / 1.5, GAIN * 1.5, GAIN * 100, np.nan])
def test_noise_comes_from_the_pixels_where_they_contradict_the_gain(starry, assumed_gain):
    truth, data, weight = starry
    sky = fit(data, weight, gain=assumed_gain, options=PART_OF_CHIP)
    assert np.abs(error_by_tile(sky, truth, PART_OF_CHIP)).max() < 0.4
    assert sky.noise == pytest.approx(noise_of(1000.0), rel=0.05)
    assert "noise" in sky.fallback


def test_each_amplifier_has_its_own_noise():
    rng = np.random.default_rng(11)
    gain = np.repeat([2.0, 4.0], 300)
    noise = noise_of(1000.0, gain)
    data = 1000.0 + rng.normal(size=(600, 600)) * noise
    sky = fit_sky(data, np.ones(data.shape), gain, np.full(600, READ_NOISE))
    assert sky.tile_noise[:, 0] == pytest.approx(noise[0], rel=0.01)
    assert sky.tile_noise[:, -1] == pytest.approx(noise[-1], rel=0.01)


@pytest.mark.parametrize("level", [369.0, 369.25, 369.5, 369.8])
def test_rounded_pixels_give_the_sky_between_the_integers(level):
    rng = np.random.default_rng(12)
    data = np.rint(level + 1.4 * rng.normal(size=(500, 650))).astype(np.int16)
    sky = fit(data, gain=level / 1.4**2, read_noise=0)
    assert sky.level == pytest.approx(level, abs=0.2)
    assert fit(data, gain=1.0).level == pytest.approx(level, abs=0.4)


@pytest.mark.parametrize("shape", [(51, 41), (41, 51), (24, 24), (300, 40)])
def test_small_cutout_has_one_tile(shape):
    rng = np.random.default_rng(13)
    sky = fit(*observe(rng, np.full(shape, 1000.0)))
    assert sky.image.shape == shape
    assert sky.level == pytest.approx(1000, abs=0.6 * noise_of(1000.0))
    assert "tiles" in sky.fallback


def test_few_pixels_give_their_median():
    rng = np.random.default_rng(14)
    data, weight = observe(rng, np.full((200, 200), 1000.0))
    weight[:, 1:] = 0
    sky = fit(data, weight)
    assert sky.level == pytest.approx(np.median(data[:, 0]))
    assert "200 usable pixels" in sky.fallback


def test_constant_image_is_its_own_sky():
    sky = fit(np.full((150, 150), 7.0))
    assert np.all(sky.image == 7)
    assert "all alike" in sky.fallback


def test_image_without_usable_pixels_is_refused():
    with pytest.raises(ValueError, match="no usable pixel"):
        fit(np.ones((20, 20)), np.zeros((20, 20)))


@pytest.mark.parametrize("electrons", [30, 300, 3000])
def test_skewness_of_few_photons_is_not_taken_for_starlight(electrons):
    rng = np.random.default_rng(19)
    data = rng.poisson(electrons, (1000, 1000)) + 3.0 * rng.normal(size=(1000, 1000))
    sky = fit(data, gain=1.0, read_noise=3.0, options=PART_OF_CHIP)
    assert sky.level == pytest.approx(electrons, abs=0.2 * np.sqrt(electrons + 9))
    assert sky.fallback == ""


@pytest.mark.parametrize("level", [0.5, 3.0, 30.0])
def test_low_counts_come_out_to_a_sigma(level):
    rng = np.random.default_rng(15)
    sky = fit(rng.poisson(level, (400, 400)), gain=1.0, read_noise=0)
    assert sky.level == pytest.approx(level, abs=0.5 * np.sqrt(level))
    assert ("few electrons" in sky.fallback) == (level < 25)


def test_subtracted_sky_comes_out_as_nothing():
    rng = np.random.default_rng(16)
    sky = fit(rng.normal(scale=5.0, size=(400, 400)), read_noise=0)
    assert sky.level == pytest.approx(0, abs=1.5)


def test_counts_per_second_are_not_taken_for_photons():
    rng = np.random.default_rng(18)
    data, _ = observe(rng, np.full((400, 400), 1000.0))
    sky = fit(data / 300, gain=1.0, read_noise=0.0)
    assert sky.level == pytest.approx(1000 / 300, abs=0.2 * noise_of(1000.0) / 300)
    assert "few electrons" not in sky.fallback


def test_half_dead_image_does_not_fail():
    rng = np.random.default_rng(17)
    data, weight = observe(rng, np.full((400, 400), 1000.0))
    data[:, :200] = 0
    assert np.isfinite(fit(data, weight).image).all()


def test_real_plain_frame_has_the_level_of_its_background(real_data):
    path = sorted((real_data / "hatp32_microobs").glob("HATP*.fits.fz"))[0]
    data = fits.getdata(path, 1)
    for gain in (1.0, 180.0, np.nan):
        sky = fit(data, data < 3500, gain=gain, read_noise=0.0)
        assert sky.level == pytest.approx(368, abs=1)
        assert 0.9 < sky.noise < 1.6


@pytest.mark.parametrize("testcase", [4, 5, 8])
def test_real_decam_sky_is_within_a_sigma_of_the_header(real_data, testcase):
    folder = real_data / "decam_legacypipe_triplets" / f"testcase{testcase}"
    path = next(folder.glob("*_ooi_*"))
    data, header = fits.getdata(path, 1, header=True)
    weight = fits.getdata(path.with_name(path.name.replace("_ooi_", "_oow_")), 1)
    sky = fit(data, weight, header["GAINA"], header["RDNOISEA"])
    assert sky.level == pytest.approx(header["AVSKY"], abs=header["AVSIG"])
