"""What is known of real DECam and MicroObservatory files, read as the pipeline reads them."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

from exposures.chip import MaskBit
from exposures.fits import InputOptions, read_chip, read_exposure, read_mask

GOOD, WEIGHTLESS = (0,), (1, 3, 4, 5)


@pytest.fixture(scope="module")
def triplets(real_data):
    """Facts and chip of every cut-out, read with every warning an error."""
    images = sorted((real_data / "decam_legacypipe_triplets").glob("testcase*/*_ooi_*.fits"))
    if not images:
        pytest.skip("no DECam triplets among the real images")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facts = [read_exposure(path) for path in images]
        return [(f, read_chip(f, f.chips[0])) for f in facts]


@pytest.fixture(scope="module")
def night(real_data):
    """The paths of one night of plain images."""
    images = sorted((real_data / "hatp32_microobs").glob("HATP-32*.fits.fz"))
    if not images:
        pytest.skip("no HAT-P-32 night among the real images")
    return images


def codes_of(facts):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fits.getdata(facts.mask_path, 1)


def test_every_triplet_is_read(triplets):
    assert len(triplets) == 18
    assert {facts.filter for facts, _ in triplets} == {"g", "r", "z"}
    for facts, chip in triplets:
        assert facts.identifier.isdigit()
        assert chip.data.shape == chip.weight.shape == chip.mask.shape
        assert 2 < chip.fwhm_pixels < 8
        assert chip.name in facts.image_path.name


def test_the_zero_point_is_often_absent(triplets):
    known = [chip.zero_point for _, chip in triplets if np.isfinite(chip.zero_point)]
    assert sorted(known) == [29.915, 29.948]


def test_weights_are_inverse_variances_of_photons_and_read_noise(triplets):
    """Within 10 %, because neither header nor cut-out tells which amplifier read it."""
    for _, chip in triplets:
        use = chip.weight > 0
        (amplifier,) = chip.amplifiers
        read_variance = (amplifier.read_noise / amplifier.gain) ** 2
        ratio = 1 / chip.weight[use] / (chip.data[use] / amplifier.gain + read_variance)
        assert np.median(ratio) == pytest.approx(1, abs=0.1)
        assert np.percentile(ratio, 99) / np.percentile(ratio, 1) < 1.15


def test_weight_is_nought_exactly_where_the_quality_says_so(triplets):
    for facts, chip in triplets:
        codes = codes_of(facts)
        assert np.all(chip.weight[np.isin(codes, WEIGHTLESS)] == 0)
        assert np.all(chip.weight[np.isin(codes, GOOD)] > 0)
        assert np.all(chip.mask[np.isin(codes, GOOD)] == 0)


def test_saturation_is_the_lower_of_the_two_amplifiers(triplets):
    for facts, chip in triplets:
        cards = fits.getheader(facts.image_path, 1)
        assert chip.saturation == min(cards["SATURATA"], cards["SATURATB"])
        assert cards["SATURATE"] == max(cards["SATURATA"], cards["SATURATB"])


def test_the_wcs_is_tpv_in_icrs(triplets):
    """astropy shows TAN after parsing, yet goes there and back to 1e-6 pixel."""
    for facts, chip in triplets:
        ra, dec = chip.wcs.all_pix2world([3.0], [4.0], 0)
        assert chip.wcs.all_world2pix(ra, dec, 0) == pytest.approx(np.array([[3], [4]]), abs=1e-6)
        assert chip.wcs.wcs.radesys == "ICRS"
        assert fits.getheader(facts.image_path)["RADESYS"] == "FK5"


def test_the_middle_of_the_exposure_is_half_of_it_after_its_start(triplets):
    for facts, _ in triplets:
        start = fits.getheader(facts.image_path)["MJD-OBS"]
        assert (facts.mjd - start) * 86400 == pytest.approx(facts.exposure_seconds / 2, abs=1e-4)


def test_the_codes_of_v3_12_are_an_enumeration(real_data):
    """README's histogram: 16 thousand cosmic rays on S6; as bits, they would be bad columns."""
    path = real_data / "decaps_ood_galplane" / "c4d_170119_085651_ood_r_v1.fits.fz"
    if not path.is_file():
        pytest.skip("no DECaPS data-quality mosaic among the real images")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks = {name: read_mask(path, name) for name in ("S6", "S7")}
    counts = {
        name: {int(v): int(n) for v, n in zip(*np.unique(m, return_counts=True), strict=True)}
        for name, m in masks.items()
    }
    assert counts["S6"] == {
        0: 7892266 + 3375,  # what differs is not masked
        MaskBit.BAD: 184574,
        MaskBit.SATURATED: 46516,
        MaskBit.BLEED: 67516,
        MaskBit.COSMIC_RAY: 16067,
        MaskBit.LOW_WEIGHT: 166010,
    }
    assert counts["S7"] == {
        0: 8178874,
        MaskBit.BAD: 174301,
        MaskBit.SATURATED: 6111,
        MaskBit.BLEED: 16970,
        MaskBit.LOW_WEIGHT: 68,
    }


def test_a_whole_night_of_plain_images_is_read(night):
    facts = [read_exposure(path) for path in night]
    assert len({f.identifier for f in facts}) == len(night) == 142
    assert {f.filter for f in facts} == {"Clear"}
    mjd = np.array([f.mjd for f in facts])
    # From UT-OBS: MJD-OBS would go in steps of 86 s, DATE-OBS is seven hours off.
    assert mjd[0] == pytest.approx(58107.0654319, abs=1e-6)
    seconds = np.diff(mjd) * 86400
    assert np.all((seconds > 140) & (seconds < 190))
    assert (mjd[-1] - mjd[0]) * 24 == pytest.approx(7.05, abs=0.03)


def test_a_plain_frames_noise_saturation_and_wcs_are_found(night):
    facts = read_exposure(night[0])
    chip = read_chip(facts, facts.chips[0])
    noise = 1 / np.sqrt(np.median(chip.weight[chip.weight > 0]))
    assert noise == pytest.approx(1.4, abs=0.15)
    assert chip.saturation == pytest.approx(0.9 * 4095)
    assert chip.weight[chip.data > 4000].max() == 0
    # HAT-P-32 by the README, and its place in Gaia's.
    x, y = chip.wcs.all_world2pix(31.0428, 46.6878, 0)
    assert (x, y) == pytest.approx((424, 286), abs=1.5)


def test_the_gain_of_the_nights_camera_explains_its_noise(night):
    """The noise rises with the sky through the night as photons do at 40 e-/ADU."""
    options = InputOptions(gain=40.0)
    for path in night[::35]:
        facts = read_exposure(path, options)
        chip = read_chip(facts, facts.chips[0], options)
        assert chip.amplifiers[0].gain == 40
        pedestal = np.median(fits.getdata(path, 1) - chip.data)
        assert pedestal == pytest.approx(289, abs=10)  # while the sky goes from 348 to 369
        assert chip.saturation == pytest.approx(0.9 * 4095 - pedestal, abs=1)
