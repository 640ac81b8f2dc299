"""Values of headers that no instrument has: refused with words, or not taken, which is noted."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest

from exposures.errors import InputFileError
from exposures.fits import read_chip, read_exposure
from exposures.fits.cards import Cards, number_within
from exposures.science.header_limits import UNIX_MJD, HeaderLimits
from tests.builders.fits_files import chip_cards, header, triplet_pixels, write_plain, write_triplet

NOW = datetime.now(UTC).timestamp() / 86_400 + UNIX_MJD


def read(path):
    facts = read_exposure(path)
    return facts, read_chip(facts, facts.chips[0])


def triplet(tmp_path, **cards):
    """A triplet with other cards in its chip's header, which has no more than what is given."""
    changed = {kind: {"N4": (triplet_pixels(kind), chip_cards(35, **cards))} for kind in "iwd"}
    return write_triplet(tmp_path, changed=changed)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"EXPTIME": 1e300}, r"EXPTIME = 1e\+300, but an exposure time is 1e-05 to 1e\+06 s"),
        ({"EXPTIME": 1e-300}, "EXPTIME = 1e-300, but"),
        ({"EXPTIME": -30.0}, "EXPTIME is missing or not positive: EXPTIME = -30.0"),
        ({"EXPTIME": 0}, "EXPTIME is missing or not positive: EXPTIME = 0"),
        ({"EXPTIME": True}, "EXPTIME is missing or not positive: EXPTIME = True"),
        ({"EXPTIME": "long"}, "EXPTIME is missing or not positive: EXPTIME = long"),
        ({"EXPTIME": "NaN"}, "EXPTIME is missing or not positive"),
        ({"EXPTIME": 30 + 1j}, "EXPTIME is missing or not positive"),
        ({"MJD-OBS": NOW + 3}, "MJD-OBS = .*, but the time of an exposure is 47892 to"),
        ({"MJD-OBS": 40_000.0}, "MJD-OBS = 40000.0, but"),
        ({"MJD-OBS": 1e300, "DATE-OBS": None}, r"no date that can be \(MJD-OBS = 1e\+300\)"),
        ({"MJD-OBS": -5.0, "DATE-OBS": "never"}, "no date that can be .DATE-OBS = never, MJD-OBS"),
        ({"MJD-OBS": None, "DATE-OBS": "2099-01-01T00:00:00"}, "DATE-OBS = 2099-01-01"),
        ({"MJD-OBS": None, "DATE-OBS": "1900-01-01T00:00:00"}, "DATE-OBS = 1900-01-01"),
        ({"EXPNUM": -1}, "EXPNUM is -1, which is no whole number"),
        ({"EXPNUM": 1e300}, r"EXPNUM is 1e\+300, which"),
        ({"EXPNUM": 1.5}, "EXPNUM is 1.5, which"),
        ({"EXPNUM": "9" * 60}, "EXPNUM is 999"),
        ({"FILTER": "x" * 60 + "y" * 60}, "is no name of a filter"),
    ],
)
def test_an_exposure_that_cannot_be_is_refused_with_the_card_and_its_value(tmp_path, cards, words):
    with pytest.raises(InputFileError, match=words) as error:
        read_exposure(write_triplet(tmp_path, **cards))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"GAINA": 1e300}, r"GAINA = 1e\+300.*a gain is 0.001 to 100000 e-/ADU"),
        ({"GAINB": -4.0}, "GAINB = -4.0"),
        ({"GAINA": 0.0}, "GAINA = 0.0"),
        ({"GAINA": "high"}, "GAINA = high"),
        ({"GAINA": True}, "GAINA = True"),
        ({"RDNOISEA": 1e5}, "RDNOISEA = 100000.0.*a read noise is 0 to 1000 e-"),
        ({"RDNOISEB": -1.0}, "RDNOISEB = -1.0"),
        ({"CD1_2": 7.3, "CD2_1": -7.3}, "a pixel has .* arcsec, but the side of a pixel is"),
        ({"CD1_2": 7e-12, "CD2_1": -7e-12}, "a pixel has 2.52e-08 arcsec, but"),
    ],
)
def test_a_chip_is_refused_where_nothing_can_be_done_without(tmp_path, cards, words):
    with pytest.raises(InputFileError, match=words):
        read(triplet(tmp_path, **cards))


@pytest.mark.parametrize("ccdnum", [0, -3, 35.5, 63, 1e300, 40_000, "x", True])
def test_a_number_of_a_chip_that_there_is_not_is_refused(tmp_path, ccdnum):
    changed = {"i": {"N4": (triplet_pixels("i"), chip_cards(ccdnum))}}
    with pytest.raises(InputFileError, match=re.escape("CCDNUM is")):
        read_exposure(write_triplet(tmp_path, changed=changed))


def test_two_chips_of_one_number_are_refused(tmp_path):
    chips = {name: (triplet_pixels("i"), chip_cards(35)) for name in ("N4", "N5")}
    with pytest.raises(InputFileError, match="two of its chips are 35, by CCDNUM"):
        read_exposure(write_triplet(tmp_path, names=("N4", "N5"), changed={"i": chips}))


@pytest.mark.parametrize(
    ("cards", "note"),
    [
        ({"FWHM": 1e300}, r"FWHM = 1e\+300 is not taken, an FWHM is 0.3 to 200 pixels"),
        ({"FWHM": -3.0}, "FWHM = -3 is not taken"),
        ({"MAGZERO": 1e30}, r"MAGZERO = 1e\+30 is not taken, a zero point is 0 to 50 mag"),
        ({"SATURATA": 1e300}, r"SATURATA = 1e\+300 is not taken"),
        ({"SATURATB": -1.0}, "SATURATB = -1 is not taken"),
    ],
)
def test_what_can_be_done_without_is_not_taken_and_noted(tmp_path, cards, note):
    _, chip = read(triplet(tmp_path, **cards))
    (found,) = chip.notes
    assert re.search(note, found)
    assert np.isnan(chip.fwhm_pixels) == ("FWHM" in cards)
    assert np.isnan(chip.zero_point) or "MAGZERO" not in cards
    # The next card that says it: SATURATE.
    assert all(amplifier.saturation <= 46_000 for amplifier in chip.amplifiers)


@pytest.mark.parametrize(
    ("cards", "note"),
    [
        ({"GAIN": 1e300}, r"GAIN = 1e\+300 is not taken"),
        ({"EGAIN": -1.0, "GAIN": 2.0}, "EGAIN = -1 is not taken"),
        ({"RDNOISE": 1e9}, r"RDNOISE = 1e\+09 is not taken"),
        ({"SATURATE": 1e300}, r"SATURATE = 1e\+300 is not taken"),
        ({"FWHM": 1e300}, r"FWHM = 1e\+300 is not taken"),
        ({"MAGZERO": -99.0}, "MAGZERO = -99 is not taken"),
    ],
)
def test_a_plain_image_falls_back_and_says_so(tmp_path, cards, note):
    usual = read(write_plain(tmp_path / "usual.fits", cards={"GAIN": cards.get("GAIN")}))[1]
    _, chip = read(write_plain(tmp_path / "odd.fits", cards=cards))
    assert [text for text in chip.notes if re.search(note, text)]
    assert np.isfinite(chip.amplifiers[0].gain) and chip.amplifiers[0].gain < 1e5
    assert np.median(chip.weight) == pytest.approx(np.median(usual.weight), rel=0.3)


@pytest.mark.parametrize(
    "cards",
    [{"EXPTIME": 1e300}, {"DATE-OBS": "2099-01-01T00:00:00"}, {"DATE-OBS": "1900-01-01T00:00:00"}],
)
def test_a_plain_image_of_no_time_is_refused(tmp_path, cards):
    with pytest.raises(InputFileError, match=next(iter(cards))):
        read_exposure(write_plain(tmp_path / "a.fits", cards=cards))


def test_what_is_unknown_by_convention_is_no_fault(tmp_path):
    cards = {"FWHM": "NaN", "MAGZERO": "NaN", "SATURATA": 0, "SATURATB": None}
    _, chip = read(triplet(tmp_path, **cards))
    assert chip.notes == ()
    assert np.isnan(chip.fwhm_pixels) and np.isnan(chip.zero_point)


def test_an_exposure_of_now_is_taken(tmp_path):
    facts = read_exposure(write_triplet(tmp_path, **{"MJD-OBS": NOW + 0.1}))
    assert facts.mjd == pytest.approx(NOW + 0.1, abs=1e-3)


def test_the_next_card_is_taken_where_the_first_cannot_be():
    cards = Cards(None, 0, header({"EGAIN": 1e300, "GAIN": 2.5}))
    number, (note,) = number_within(HeaderLimits().gain, ("EGAIN", "GAIN"), cards)
    assert number == 2.5
    assert "EGAIN" in note
