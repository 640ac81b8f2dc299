"""Data-quality codes, versions, filters and times of headers."""

import numpy as np
import pytest

from exposures.chip import MaskBit
from exposures.fits import UnknownFilterError, short_filter, version_numbers
from exposures.fits.codes import translate
from exposures.fits.decam import is_sibling_name
from exposures.fits.stacks import StackFiles
from exposures.fits.times import mjd_of


def test_versions_compare_as_numbers():
    assert version_numbers("V3.12") > version_numbers("V3.5")
    assert version_numbers("V3.4.9") < (3, 5) <= version_numbers("V3.5")
    assert version_numbers("V4.8.2a ") == (4, 8, 2)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("DES V4.8.2", (4, 8, 2)),
        ("V4.1.0+1", (4, 1, 0)),
        ("V5.3LS9", (5, 3)),
        ("V5.0b1", (5, 0)),
        ("CP v3.4.1-rc2 (test)", (3, 4, 1)),
        ("DESDM_2 V2.3", (2, 3)),
        ("4.8.2", (4, 8, 2)),
        ("V 3.12", (3, 12)),
        ("5", (5,)),
    ],
)
def test_a_version_is_read_whatever_stands_round_it(text, version):
    assert version_numbers(text) == version


@pytest.mark.parametrize("text", ["trunk", "", "Vega", "Y6A1", "2017-01-19T08:55", "nov4"])
def test_a_version_without_numbers_is_refused(text):
    with pytest.raises(ValueError, match="no version"):
        version_numbers(text)


def test_enumerated_codes_keep_what_changed_and_drop_what_is_bad():
    mask = translate(np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1]]), "V3.12")[0]
    assert list(mask) == [
        0,
        MaskBit.BAD,
        MaskBit.NO_VALUE,
        MaskBit.SATURATED,
        MaskBit.BLEED,
        MaskBit.COSMIC_RAY,
        MaskBit.LOW_WEIGHT,
        0,  # differs from other exposures: that is what we look for
        MaskBit.STREAK,
        MaskBit.BAD,
        MaskBit.BAD,
    ]


def test_old_codes_are_bits():
    mask = translate(np.array([[0, 1, 2, 4, 16, 64, 128, 3, 130]]), "V2.7.1")[0]
    assert list(mask) == [
        0,
        MaskBit.BAD,
        MaskBit.SATURATED,
        MaskBit.BAD,
        MaskBit.COSMIC_RAY,
        MaskBit.BLEED,
        0,
        MaskBit.BAD | MaskBit.SATURATED,
        MaskBit.SATURATED,
    ]
    assert mask.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("g DECam SDSS c0001 4720.0 1520.0", "g"),
        ("Y DECam c0005 10095.0 1130.0", "Y"),
        ("VR DECam c0007 6300.0 2600.0", "VR"),
        ("N964 DECam c0011 9645.0 94.0", "N964"),
        ("Clear", "Clear"),
        ("R", "R"),
        ("M411 DECam c0017 4112.0 264.0", "M411"),
        ("N395 DECam c0013 3952.0 100.0", "N395"),
        ("X9 DECam c0099 5000.0 100.0", "X9"),  # one that there isn't yet
        ("solid plate 0.0 0.0", "solid plate"),
        ("Block", "Block"),
        ("none", "none"),
        ("Halpha/NII  6563", "Halpha/NII 6563"),
        ("Clear R", "Clear R"),
        ("OG 530", "OG 530"),
        ("gr", "gr"),
        ("gp", "gp"),
        ("n964", "N964"),
        ("vr", "VR"),
        ("open", "Clear"),
    ],
)
def test_a_filter_is_its_first_word_or_keeps_its_own_name(name, short):
    assert short_filter(name) == short
    assert short_filter(short) == short


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_what_cannot_be_the_name_of_a_filter_is_refused(name):
    with pytest.raises(UnknownFilterError, match="is no name of a filter"):
        short_filter(name)


def test_local_time_is_turned_into_utc_by_its_offset():
    utc = mjd_of("2017-12-20T01:33:43.317-0000")
    assert mjd_of("2017-12-19T18:33:43.317-0700") == pytest.approx(utc, abs=1e-10)
    assert mjd_of("2017-12-20T07:03:43.317+05:30") == pytest.approx(utc, abs=1e-10)
    assert mjd_of("2000-01-01T12:00:00") == 51544.5


@pytest.mark.parametrize("text", ["", "2017-12-20", "18:33:43", "2017-02-30T00:00:00"])
def test_half_a_date_is_no_time(text):
    assert mjd_of(text) is None


def test_files_of_a_stack_can_be_named_for_any_filter(tmp_path):
    files = StackFiles(tmp_path, "stack_a_2", "Halpha/NII 6563 *")
    for path in (*files.paths.values(), files.part(3).parent):
        assert path.parent == tmp_path
        assert not set(path.name) & set(" /*")
    assert is_sibling_name(files.paths["i"])
