"""DECam triplets: found, checked and read, on small files made here."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

from exposures.chip import MaskBit
from exposures.errors import InputFileError
from exposures.fits import InputOptions, read_chip, read_exposure
from tests.builders.fits_files import NAME, chip_cards, triplet_pixels, write_file, write_triplet

FULL, RIM = (4094, 2046), (4096, 2048)


def read(path, name=None):
    facts = read_exposure(path)
    entry = next(e for e in facts.chips if name in (None, e.name))
    return facts, read_chip(facts, entry)


def test_any_of_the_three_files_leads_to_the_exposure(tmp_path):
    write_triplet(tmp_path)
    found = [read_exposure(tmp_path / NAME.format(kind=kind)) for kind in "iwd"]
    assert found[0] == found[1] == found[2]
    assert found[0].image_path.name == NAME.format(kind="i")


def test_the_headers_facts(tmp_path):
    facts, chip = read(write_triplet(tmp_path, MAGZERO=28.8))
    assert (facts.identifier, facts.filter, facts.instrument) == ("610792", "r", "decam")
    assert facts.mjd == pytest.approx(57772.37187 + 15 / 86400, abs=1e-9)
    assert (facts.object_name, facts.proposal) == ("field 1", "2016B-0279")
    assert (facts.ra, facts.dec) == pytest.approx((150, -30), abs=1e-6)
    assert (chip.name, chip.ccdnum, chip.hdu) == ("N4", 35, 1)
    assert (chip.fwhm_pixels, chip.zero_point) == (3.5, 28.8)
    assert (chip.data.dtype, chip.weight.dtype, chip.mask.dtype) == ("f4", "f4", "u1")


def test_an_exposure_number_may_be_text(tmp_path):
    assert read_exposure(write_triplet(tmp_path, EXPNUM="00610792")).identifier == "610792"


def test_absent_seeing_and_zero_point_are_undefined(tmp_path):
    cards = chip_cards(FWHM="NaN", MAGZERO="NaN")
    changed = {"i": {"N4": (triplet_pixels("i"), cards)}}
    _, chip = read(write_triplet(tmp_path, changed=changed))
    assert np.isnan(chip.fwhm_pixels)
    assert np.isnan(chip.zero_point)


def test_siblings_may_be_compressed_or_not(tmp_path):
    path = write_triplet(tmp_path)
    plain = path.with_name(NAME.format(kind="w"))
    plain.unlink()
    chips = {"N4": (triplet_pixels("w"), chip_cards())}
    write_file(plain.with_name(plain.name + ".fz"), chips, compressed=True)
    assert read(path)[1].weight[0, 0] == pytest.approx(0.01)


def test_chips_are_matched_by_name_and_not_by_order(tmp_path):
    pixels = triplet_pixels("w")
    changed = {
        "w": {"N5": (pixels * 5, chip_cards(36)), "N4": (pixels * 4, chip_cards(35))},
    }
    path = write_triplet(tmp_path, ("N4", "N5"), changed)
    assert read(path, "N4")[1].weight[0, 0] == pytest.approx(0.04)
    assert read(path, "N5")[1].weight[0, 0] == pytest.approx(0.05)


def test_unusable_pixels_weigh_nothing_and_say_why(tmp_path):
    data, weight, codes = (triplet_pixels(kind) for kind in "iwd")
    codes[0, :9] = range(9)
    weight[1, 0] = 0
    data[2, 0] = np.nan
    weight[3, 0] = np.nan
    cards = chip_cards()
    changed = {
        "i": {"N4": (data, cards)},
        "w": {"N4": (weight, cards)},
        "d": {"N4": (codes, cards)},
    }
    _, chip = read(write_triplet(tmp_path, changed=changed))
    assert list(chip.weight[0, :9] > 0) == [True, *[False] * 5, True, True, True]
    assert np.all(chip.weight[1:4, 0] == 0)
    assert np.all(chip.mask[1:4, 0] == MaskBit.NO_VALUE)
    assert np.all(np.isfinite(chip.data))


def test_the_wcs_is_the_chips_own(tmp_path):
    """The primary says FK5, 30 mas off; merged, it would move every position."""
    _, chip = read(write_triplet(tmp_path))
    assert chip.wcs.wcs.radesys == "ICRS"
    assert chip.wcs.all_pix2world(29.5, 19.5, 0) == pytest.approx([150, -30], abs=1e-9)


def test_a_rim_of_one_pixel_is_trimmed_off_the_siblings(tmp_path):
    weight, codes = triplet_pixels("w", RIM), triplet_pixels("d", RIM)
    weight[1, 1], codes[-2, -2] = 0.5, 7
    weight[0], codes[0] = 9, 1
    cards = chip_cards()
    changed = {"w": {"N4": (weight, cards)}, "d": {"N4": (codes, cards)}}
    _, chip = read(write_triplet(tmp_path, changed=changed, shape=FULL))
    assert chip.weight.shape == chip.mask.shape == chip.shape == FULL
    assert chip.weight[0, 0] == 0.5
    assert not chip.mask.any()


@pytest.mark.parametrize(("ccdnum", "low_gain"), [(31, 4.2), (32, 4.0)])
def test_amplifier_a_is_at_high_x_in_the_south_and_at_low_x_in_the_north(
    tmp_path, ccdnum, low_gain
):
    changed = {
        kind: {"N4": (triplet_pixels(kind, (40, 2046)), chip_cards(ccdnum))} for kind in "iwd"
    }
    _, chip = read(write_triplet(tmp_path, changed=changed, shape=(40, 2046)))
    low, high = chip.amplifiers
    assert (low.x_start, low.x_stop, high.x_start, high.x_stop) == (0, 1023, 1023, 2046)
    assert {low.gain, high.gain} == {4.0, 4.2}
    assert low.gain == low_gain
    assert chip.gain_map()[0] == low_gain
    # SATURATE is the higher of the two.
    assert chip.saturation == 44000


def test_a_cutout_has_one_careful_amplifier(tmp_path):
    (amplifier,) = read(write_triplet(tmp_path))[1].amplifiers
    assert (amplifier.gain, amplifier.read_noise, amplifier.saturation) == (4.1, 7.0, 44000)


def test_illegal_cards_disturb_nobody(tmp_path):
    """Real headers hold cards without '=', keys in lower case and the text 'NaN'."""
    path = write_triplet(tmp_path)
    raw = path.read_bytes()
    for card in (b"PROPID  ", b"FWHM    "):
        start = raw.index(card)
        bad = b"DEC16B_20170116_8da5864-r[S6,noinherit][2046,4094][real]: \xb5 time_recorded"
        raw = raw[:start] + bad.ljust(80)[:80] + raw[start + 80 :]
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facts, chip = read(path)
    assert facts.proposal == ""
    assert np.isnan(chip.fwhm_pixels)


# What a user can cause


def test_a_missing_weight_names_the_other_versions_there_are(tmp_path):
    path = write_triplet(tmp_path)
    weight = path.with_name(NAME.format(kind="w"))
    weight.rename(weight.with_name(weight.name.replace("v1", "v2")))
    with pytest.raises(InputFileError, match=r"weight file .*oow_r_v1.* missing .*oow_r_v2\.fits"):
        read_exposure(path)


@pytest.mark.parametrize("kind", "id")
def test_each_sibling_must_be_there(tmp_path, kind):
    path = write_triplet(tmp_path)
    path.with_name(NAME.format(kind=kind)).unlink()
    with pytest.raises(InputFileError, match="is missing"):
        read_exposure(path.with_name(NAME.format(kind="w")))


def test_siblings_of_another_exposure_are_refused(tmp_path):
    path = write_triplet(tmp_path)
    weight = path.with_name(NAME.format(kind="w"))
    weight.unlink()
    write_file(weight, {"N4": (triplet_pixels("w"), chip_cards())}, EXPNUM="610793")
    with pytest.raises(InputFileError, match=r"oow_r_v1.fits: is of exposure 610793.*610792"):
        read_exposure(path)


def test_siblings_of_another_shape_are_refused(tmp_path):
    changed = {"d": {"N4": (triplet_pixels("d", (40, 61)), chip_cards())}}
    with pytest.raises(InputFileError, match=r"\[N4\]: the data quality has 61 x 40 .* 60 x 40"):
        read_exposure(write_triplet(tmp_path, changed=changed))


def test_a_chip_that_a_sibling_lacks_fails_alone(tmp_path):
    changed = {"w": {"N5": (triplet_pixels("w"), chip_cards(36))}}
    path = write_triplet(tmp_path, ("N4", "N5"), changed)
    with pytest.raises(InputFileError, match=r"oow_r_v1.fits\[N4\]: no chip N4; there: N5"):
        read(path, "N4")
    assert read(path, "N5")[1].name == "N5"


def test_siblings_without_a_common_chip_are_refused(tmp_path):
    changed = {"w": {"S1": (triplet_pixels("w"), chip_cards(25))}}
    with pytest.raises(InputFileError, match="no chip N4; there: S1"):
        read_exposure(write_triplet(tmp_path, changed=changed))


def test_a_chip_without_wcs_fails_alone(tmp_path):
    bare = chip_cards(CTYPE1=None)
    pixels = triplet_pixels("i")
    changed = {"i": {"N4": (pixels, bare), "N5": (pixels, chip_cards(36))}}
    path = write_triplet(tmp_path, ("N4", "N5"), changed)
    assert read(path, "N5")[0].ra == pytest.approx(150)
    with pytest.raises(InputFileError, match=r"\[N4\]: no WCS"):
        read(path, "N4")


def test_an_exposure_without_any_wcs_is_refused(tmp_path):
    changed = {"i": {"N4": (triplet_pixels("i"), chip_cards(CTYPE1="LINEAR"))}}
    with pytest.raises(InputFileError, match=r"\[N4\]: no WCS"):
        read_exposure(write_triplet(tmp_path, changed=changed))


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("w", 0, "the weight is nowhere above 0"),
        ("w", np.nan, "the weight is nowhere above 0"),
        ("d", 1, "the data quality flags every one"),
        ("i", np.nan, "none has a value"),
    ],
)
def test_a_chip_that_is_masked_throughout_names_the_file_that_does_it(tmp_path, kind, value, words):
    pixels = np.full_like(triplet_pixels(kind), value)
    changed = {kind: {"N4": (pixels, chip_cards())}}
    said = rf"_oo{kind}_r_v1.fits\[N4\]: all pixels are masked: {words}.*leave this chip out"
    with pytest.raises(InputFileError, match=said):
        read(write_triplet(tmp_path, changed=changed))


def test_a_chip_whose_files_leave_nothing_between_them_tells_what_each_does(tmp_path):
    weight, codes = triplet_pixels("w"), triplet_pixels("d")
    weight[:10], codes[10:] = 0, 1
    changed = {k: {"N4": (v, chip_cards())} for k, v in (("w", weight), ("d", codes))}
    said = "masked: 0% have no value, 25% no weight, 75% a flag of the data quality"
    with pytest.raises(InputFileError, match=said):
        read(write_triplet(tmp_path, changed=changed))


@pytest.mark.parametrize(("scale", "zero"), [(1, 2**15), (1, 0), (2, 9)])
def test_blank_pixels_of_whole_numbers_are_masked_and_the_others_kept(tmp_path, scale, zero):
    values = 400 + np.arange(60 * 40).reshape(40, 60) % 50
    stored = ((values - zero) // scale).astype("i2")
    stored[3:5, 7:9] = -(2**15)
    path = write_triplet(tmp_path, changed={"i": {"N4": (stored, chip_cards())}})
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[1].header.update({"BLANK": -(2**15), "BSCALE": scale, "BZERO": zero})
    _, chip = read(path)
    assert np.argwhere(chip.weight == 0).tolist() == [[3, 7], [3, 8], [4, 7], [4, 8]]
    good = chip.weight > 0
    assert chip.data[good] == pytest.approx(values[good], abs=scale)


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        ({"FILTER": "block 0"}, "filter 'block 0' lets no light through"),
        ({"FILTER": "solid plate 0.0 0.0"}, "filter 'solid plate' lets no light through"),
        ({"FILTER": None}, "FILTER is missing"),
        ({"EXPTIME": None}, "EXPTIME is missing"),
        ({"EXPTIME": 0.0}, "EXPTIME is missing or not positive"),
        ({"PLVER": None}, "PLVER is '', no version.*give it as input.pipeline_version"),
        ({"PLVER": "trunk"}, "PLVER is 'trunk', no version"),
        ({"MJD-OBS": None, "DATE-OBS": None}, "no date: UT-OBS, DATE-OBS"),
    ],
)
def test_what_the_header_must_say(tmp_path, cards, problem):
    with pytest.raises(InputFileError, match=problem):
        read_exposure(write_triplet(tmp_path, **cards))


@pytest.mark.parametrize("missing", ["CCDNUM", "GAINA"])
def test_what_a_chips_header_must_say(tmp_path, missing):
    changed = {"i": {"N4": (triplet_pixels("i"), chip_cards(**{missing: None}))}}
    with pytest.raises(InputFileError, match=missing):
        read(write_triplet(tmp_path, changed=changed))


def test_an_exposure_without_images_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="no image HDU"):
        read_exposure(write_triplet(tmp_path, changed={"i": {}}))


def test_instcal_under_another_name_is_not_taken_for_a_plain_image(tmp_path):
    cards = chip_cards(INSTRUME="DECam", PROCTYPE="InstCal")
    path = write_file(tmp_path / "renamed.fits", {"N4": (triplet_pixels("i"), cards)})
    with pytest.raises(InputFileError, match="name doesn't lead to its weight"):
        read_exposure(path)


def test_an_option_stands_in_for_a_version_without_a_number(tmp_path):
    codes = triplet_pixels("d")
    codes[0, 0] = 2  # saturated as a bit, no value in the enumeration
    changed = {"d": {"N4": (codes, chip_cards())}}
    path = write_triplet(tmp_path, changed=changed, PLVER="trunk")
    for version, meaning in (("V2.9", MaskBit.SATURATED), ("V4.8", MaskBit.NO_VALUE)):
        facts = read_exposure(path, InputOptions(pipeline_version=version))
        assert facts.pipeline_version == version
        assert read_chip(facts, facts.chips[0]).mask[0, 0] == meaning


@pytest.mark.parametrize("version", ["DES V4.8.2", "V4.1.0+1", "V5.3LS9", "V5.0b1"])
def test_codes_of_every_later_version_are_an_enumeration(tmp_path, version):
    codes = triplet_pixels("d")
    codes[0, 0] = 3
    changed = {"d": {"N4": (codes, chip_cards())}}
    facts, chip = read(write_triplet(tmp_path, changed=changed, PLVER=version))
    assert (facts.pipeline_version, chip.mask[0, 0]) == (version, MaskBit.SATURATED)


@pytest.mark.parametrize(
    ("name", "instrument"),
    [("DECam", "decam"), ("DECAM ", "decam"), (None, "decam"), ("Mosaic3", "Mosaic3")],
)
def test_a_triplet_of_another_camera_is_under_that_cameras_name(tmp_path, name, instrument):
    facts, chip = read(write_triplet(tmp_path, INSTRUME=name, TELESCOP="some telescope"))
    assert (facts.instrument, facts.identifier) == (instrument, "610792")
    assert chip.weight[0, 0] == pytest.approx(0.01)  # the weight that the pipeline made


def test_codes_of_an_old_version_are_read_as_bits(tmp_path):
    codes = triplet_pixels("d")
    codes[0, 0] = 2  # saturated as a bit, no value in the enumeration
    changed = {"d": {"N4": (codes, chip_cards())}}
    _, chip = read(write_triplet(tmp_path, changed=changed, PLVER="V3.4.1"))
    assert chip.mask[0, 0] == MaskBit.SATURATED


def test_the_tpv_distortion_is_kept(tmp_path):
    """After parsing, astropy shows TAN and no distortion; the positions show it."""
    changed = {"i": {"N4": (triplet_pixels("i"), chip_cards(PV1_0=0.001))}}
    _, chip = read(write_triplet(tmp_path, changed=changed))
    ra, _ = chip.wcs.all_pix2world(29.5, 19.5, 0)
    assert abs(ra - 150) * np.cos(np.radians(30)) == pytest.approx(0.001, rel=1e-3)
    assert fits.getheader(chip.path, 1)["CTYPE1"] == "RA---TPV"
