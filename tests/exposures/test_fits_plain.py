"""Plain FITS images: time, noise, saturation and WCS made from what the header has."""

import numpy as np
import pytest
from astropy.io import fits

from exposures.chip import MaskBit
from exposures.errors import InputFileError
from exposures.fits import InputOptions, read_chip, read_exposure
from tests.builders.fits_files import header, wcs_cards, write_plain

GAIN, READ_NOISE, SKY = 2.0, 8.0, 500.0  # e-/ADU, e-, ADU


def noisy_sky(sky=SKY, gain=GAIN, read_noise=READ_NOISE, shape=(200, 300), seed=5):
    """Pixels as a detector counts them: photons of a sky, and read noise; ADU."""
    random = np.random.default_rng(seed)
    electrons = random.poisson(sky * gain, shape) + random.normal(0, read_noise, shape)
    return (electrons / gain).astype(np.float32)


def read(path, options=None):
    options = options or InputOptions()
    facts = read_exposure(path, options)
    return facts, read_chip(facts, facts.chips[0], options)


def test_a_plain_image_is_known_by_its_name(tmp_path):
    facts, chip = read(write_plain(tmp_path / "HATP-32 a.b.fits"))
    assert (facts.instrument, facts.identifier, facts.filter) == ("plain", "HATP-32 a.b", "Clear")
    assert (facts.weight_path, facts.mask_path) == (None, None)
    assert (chip.name, chip.ccdnum, chip.hdu) == ("HDU0", 1, 0)
    assert (chip.data.dtype, chip.weight.dtype, chip.mask.dtype) == ("f4", "f4", "u1")


@pytest.mark.parametrize(
    "cards",
    [
        {"UT-OBS": "2017-12-20T01:33:43.0-0000", "DATE-OBS": "2017-12-19T18:33:43-0700"},
        {"DATE-OBS": "2017-12-19T18:33:43-0700", "MJD-OBS": 58107.1},
        {"DATE-OBS": "2017-12-20", "TIME-OBS": "01:33:43"},
        {"DATE-OBS": None, "MJD-OBS": 58107.0650810},
    ],
)
def test_the_time_is_utc_at_the_middle_of_the_exposure(tmp_path, cards):
    facts = read_exposure(write_plain(tmp_path / "a.fits", cards=cards))
    assert facts.mjd == pytest.approx(58107.0650810 + 30 / 86400, abs=1e-6)


def test_the_weight_is_the_inverse_variance_of_the_pixels(tmp_path):
    data = noisy_sky()
    cards = {"GAIN": GAIN, "RDNOISE": READ_NOISE}
    _, chip = read(write_plain(tmp_path / "a.fits", data, cards))
    assert np.array_equal(chip.data, data)
    expected = 1 / (data / GAIN + (READ_NOISE / GAIN) ** 2)
    assert chip.weight == pytest.approx(expected, rel=1e-5)
    pulls = (data - np.median(data)) * np.sqrt(chip.weight)
    assert np.std(pulls) == pytest.approx(1, abs=0.03)


def test_options_stand_in_for_absent_cards_only(tmp_path):
    options = InputOptions(gain=GAIN, read_noise=READ_NOISE, saturation=900.0)
    _, chip = read(write_plain(tmp_path / "a.fits", noisy_sky()), options)
    (amplifier,) = chip.amplifiers
    assert (amplifier.gain, amplifier.read_noise, amplifier.saturation) == (GAIN, READ_NOISE, 900)
    cards = {"GAIN": 2.1, "SATURATE": 800.0}
    _, chip = read(write_plain(tmp_path / "b.fits", noisy_sky(), cards), options)
    assert (chip.amplifiers[0].gain, chip.saturation) == (2.1, 800)


def test_the_gain_wins_over_a_cameras_gain_setting(tmp_path):
    cards = {"GAIN": 100, "EGAIN": GAIN, "RDNOISE": READ_NOISE}
    _, chip = read(write_plain(tmp_path / "a.fits", noisy_sky(), cards))
    assert chip.amplifiers[0].gain == GAIN


@pytest.mark.parametrize("offset", [300.0, -500.0])
def test_an_unknown_zero_level_is_found_from_the_noise(tmp_path, offset):
    """An offset left in, or a sky taken off: photons make the noise, whatever the zero."""
    data = noisy_sky() + np.float32(offset)
    cards = {"GAIN": GAIN, "RDNOISE": READ_NOISE, "SATURATE": 900.0}
    _, chip = read(write_plain(tmp_path / "a.fits", data, cards))
    assert np.median(chip.data) == pytest.approx(SKY, rel=0.03)
    assert 1 / np.median(chip.weight) == pytest.approx(SKY / GAIN + 16, rel=0.03)
    removed = np.median(data - chip.data)
    assert chip.saturation == pytest.approx(900 - removed, rel=1e-5)


def test_without_a_gain_the_skys_noise_is_still_right(tmp_path):
    _, chip = read(write_plain(tmp_path / "a.fits", np.round(noisy_sky())))
    assert 1 / np.median(chip.weight) == pytest.approx(SKY / GAIN + 16, rel=0.03)
    subtracted = noisy_sky() - np.float32(SKY)
    _, chip = read(write_plain(tmp_path / "b.fits", subtracted - 1))
    assert 1 / np.median(chip.weight) == pytest.approx(SKY / GAIN + 16, rel=0.03)


def test_stars_hardly_change_the_noise_that_is_found(tmp_path):
    data = noisy_sky()
    random = np.random.default_rng(3)
    y, x = np.indices(data.shape)
    for x0, y0 in random.uniform(0, (300, 200), (60, 2)):
        data += 3000 * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 4).astype(np.float32)
    _, chip = read(write_plain(tmp_path / "a.fits", data))
    sky = chip.data < np.percentile(chip.data, 60)
    assert 1 / np.median(chip.weight[sky]) == pytest.approx(SKY / GAIN + 16, rel=0.15)


def test_values_that_pile_up_at_the_top_are_saturated(tmp_path):
    data = noisy_sky()
    data[10:14, 20:24] = 4095
    data[50, 50] = 3900  # above 0.9 of the top: no longer linear
    data[60, 60] = 3500
    _, chip = read(write_plain(tmp_path / "a.fits", data))
    assert chip.saturation == pytest.approx(0.9 * 4095)
    saturated = (chip.mask & MaskBit.SATURATED) > 0
    assert saturated.sum() == 17
    assert saturated[50, 50]
    assert np.all(chip.weight[saturated] == 0)


def test_without_a_sign_of_it_nothing_is_saturated(tmp_path):
    _, chip = read(write_plain(tmp_path / "a.fits", noisy_sky()))
    assert chip.saturation == np.inf
    assert not chip.mask.any()


def test_undefined_pixels_have_no_value(tmp_path):
    data = noisy_sky()
    data[0, :3] = np.nan, np.inf, -np.inf
    _, chip = read(write_plain(tmp_path / "a.fits", data))
    assert np.all(chip.weight[0, :3] == 0)
    assert np.all(chip.mask[0, :3] & MaskBit.NO_VALUE)
    assert np.all(np.isfinite(chip.data))


def test_a_sip_distortion_is_kept(tmp_path):
    cards = {
        **wcs_cards(shape=(200, 300)),
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "PV1_1": None,
        "PV2_1": None,
        "A_ORDER": 2,
        "B_ORDER": 2,
        "A_2_0": 1e-4,
    }
    _, chip = read(write_plain(tmp_path / "a.fits", noisy_sky(), cards))
    _, dec = chip.wcs.all_pix2world(149.5 + 100, 99.5, 0)
    assert dec == pytest.approx(-30 - 101 * 7.3e-5, abs=1e-7)  # 100 px and 1 px of distortion


def test_every_image_with_a_wcs_is_a_chip(tmp_path):
    image, bare = fits.ImageHDU(noisy_sky(), header(wcs_cards())), fits.ImageHDU(noisy_sky())
    second = image.copy()
    image.header["EXTNAME"], second.header["EXTNAME"] = "east", "west"
    primary = fits.PrimaryHDU(
        header=header({"EXPTIME": 10, "MJD-OBS": 58000.0, "FILTER": "V", "OBJECT": "M 7"})
    )
    path = tmp_path / "two.fits"
    fits.HDUList([primary, image, bare, second]).writeto(path)
    facts = read_exposure(path)
    assert [(e.name, e.ccdnum, e.hdu) for e in facts.chips] == [("east", 1, 1), ("west", 2, 3)]
    assert (facts.filter, facts.object_name) == ("V", "M 7")


@pytest.mark.parametrize(
    ("cards", "instrument"),
    [
        ({}, "plain"),
        ({"INSTRUME": "STE4", "TELESCOP": "SAAO 1.0 m"}, "STE4"),
        ({"INSTRUME": " ", "TELESCOP": "SAAO 1.0 m"}, "SAAO 1.0 m"),
        ({"INSTRUME": 3}, "3"),
        ({"INSTRUME": "DECam"}, "DECam, plain"),  # whose numbers are those of its exposures
    ],
)
def test_a_plain_image_is_under_its_cameras_own_name(tmp_path, cards, instrument):
    assert (
        read_exposure(write_plain(tmp_path / "610792.fits", cards=cards)).instrument == instrument
    )


def test_characters_that_no_header_may_have_are_read_as_blanks(tmp_path):
    """NUL, which pads text of some cameras, and letters beyond ASCII."""
    cards = {"OBJECT": "abcdefgh", "FILTER": "Halpha  x", "INSTRUME": "camxx"}
    path = write_plain(tmp_path / "a.fits", cards=cards)
    raw = (
        path.read_bytes()
        .replace(b"abcdefgh", b"NGC\x00\xe9\t1\x00")
        .replace(b"camxx", b"cam\x00\x00")
    )
    path.write_bytes(raw.replace(b"Halpha  x", b"Halpha\x00\x00\x00"))
    facts = read_exposure(path)
    assert (facts.filter, facts.instrument) == ("Halpha", "cam")
    assert facts.object_name in ("NGC 1", "NGC ? 1")


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        ({"CTYPE1": None}, r"\[0\]: no WCS in right ascension"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "no WCS in right ascension"),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, "FK4 of equinox 1950, not of J2000"),
        ({"CD1_2": 0.0}, "the WCS can't be used"),
        ({"DATE-OBS": None}, "no date"),
        ({"FILTER": None}, "FILTER is missing"),
        ({"EXPTIME": None}, "EXPTIME is missing"),
    ],
)
def test_what_a_plain_header_must_say(tmp_path, cards, problem):
    with pytest.raises(InputFileError, match=problem):
        read_exposure(write_plain(tmp_path / "a.fits", cards=cards))


def test_an_image_without_any_value_is_refused(tmp_path):
    path = write_plain(tmp_path / "a.fits", np.full((50, 50), np.nan, np.float32))
    with pytest.raises(InputFileError, match=r"a.fits\[HDU0\]: all pixels are masked"):
        read(path)


def test_a_blank_image_is_not_taken_for_a_saturated_one(tmp_path):
    _, chip = read(write_plain(tmp_path / "a.fits", np.full((50, 50), 300, np.int16)))
    assert not chip.mask.any()
