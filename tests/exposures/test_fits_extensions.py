"""Files with noise and masks beside the science image, as observatories write them."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty, VarianceUncertainty
from astropy.wcs import WCS

from exposures.chip import MaskBit
from exposures.errors import InputFileError
from exposures.fits import InputOptions, read_chip, read_exposure, write_chip
from tests.builders.fits_files import header, wcs_cards

SHAPE, SKY, GAIN, READ_NOISE = (90, 100), 500.0, 4.0, 8.0
FACTS = {"EXPTIME": 60.0, "FILTER": "V", "DATE-OBS": "2020-01-01T00:00:00"}
BRIGHT, BAD = (40, 50), (17, 23)
GOOD, NO_VALUE, SATURATED = MaskBit(0), MaskBit.NO_VALUE, MaskBit.SATURATED
VARIANCE = SKY / GAIN + (READ_NOISE / GAIN) ** 2


def pixels(seed=5):
    """Data, and the variance with the photons of a star in it."""
    y, x = np.indices(SHAPE)
    light = 20_000 * np.exp(-((y - BRIGHT[0]) ** 2 + (x - BRIGHT[1]) ** 2) / 12) + SKY
    variance = light / GAIN + (READ_NOISE / GAIN) ** 2
    data = light + np.random.default_rng(seed).normal(0, 1, SHAPE) * np.sqrt(variance)
    return data.astype("f4"), variance.astype("f4")


def flags(code=1):
    """A mask with one pixel that has a code."""
    mask = np.zeros(SHAPE, "i4")
    mask[BAD] = code
    return mask


def image(data, name="", version=None, wcs=True, **cards):
    hdu = fits.ImageHDU(data, header({**(wcs_cards(shape=SHAPE) if wcs else {}), **cards}))
    if name:
        hdu.header["EXTNAME"] = name
    if version:
        hdu.header["EXTVER"] = version
    return hdu


def write(path, *hdus, **cards):
    primary = fits.PrimaryHDU(header=header({**FACTS, **cards}))
    fits.HDUList([primary, *hdus]).writeto(path)
    return path


def read(path, number=0):
    facts = read_exposure(path)
    return facts, read_chip(facts, facts.chips[number])


def noise_as(kind, variance):
    return {"error": np.sqrt(variance), "variance": variance, "weight": 1 / variance}[kind]


CONVENTIONS = {
    "HST": ("SCI", "ERR", "error", "DQ"),
    "LSST": ("IMAGE", "VARIANCE", "variance", "MASK"),
    "BANZAI": ("SCI", "ERR", "error", "BPM"),
    "DRAGONS": ("SCI", "VAR", "variance", "DQ"),
    "DES": ("SCI", "WGT", "weight", "MSK"),
    "MUSE": ("DATA", "STAT", "variance", "DQ"),
    "any case": ("Science", "error", "error", "flags"),
    "ivar": ("sci", "ivar", "weight", "badpix"),
    "suffixes": ("sky.image", "sky.weight", "weight", "sky.mask"),
    "underscores": ("N4", "N4_VAR", "variance", "N4_MASK"),
    "prefixes": ("sci_N4", "err_N4", "error", "dq_N4"),
    "nameless": ("", "UNCERTAINTY", "error", "QUALITY"),
}


@pytest.mark.parametrize("case", CONVENTIONS)
@pytest.mark.parametrize("has_wcs", [True, False])
def test_the_science_is_measured_with_the_noise_and_the_mask_beside_it(tmp_path, case, has_wcs):
    science, noise, kind, mask = CONVENTIONS[case]
    data, variance = pixels()
    path = write(
        tmp_path / "a.fits",
        image(data, science),
        image(noise_as(kind, variance), noise, wcs=has_wcs),
        image(flags(), mask, wcs=has_wcs),
    )
    facts, chip = read(path)
    assert len(facts.chips) == 1
    assert chip.hdu == 1
    assert np.argwhere(chip.weight == 0).tolist() == [list(BAD)]
    assert chip.mask[BAD] == MaskBit.BAD
    good = chip.weight > 0
    assert chip.weight[good] == pytest.approx(1 / variance[good], rel=1e-3)
    assert np.diff(chip.data) == pytest.approx(np.diff(data), abs=0.05)
    assert chip.amplifiers[0].gain == pytest.approx(GAIN, rel=0.1)
    assert chip.notes == ()


@pytest.mark.parametrize("uncertainty", [StdDevUncertainty, VarianceUncertainty])
def test_ccddata_of_astropy_is_read_with_its_mask_and_its_uncertainty(tmp_path, uncertainty):
    data, variance = pixels()
    values = np.sqrt(variance) if uncertainty is StdDevUncertainty else variance
    ccd = CCDData(
        data,
        unit=units.adu,
        mask=flags().astype(bool),
        uncertainty=uncertainty(values),
        wcs=WCS(header(wcs_cards(shape=SHAPE))),
        meta=FACTS,
    )
    ccd.write(tmp_path / "a.fits")
    facts, chip = read(tmp_path / "a.fits")
    assert [(c.name, c.hdu) for c in facts.chips] == [("HDU0", 0)]
    assert np.argwhere(chip.weight == 0).tolist() == [list(BAD)]
    assert np.median(chip.weight * variance) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("is_blocked", [True, False])
@pytest.mark.parametrize("versions", [(1, 2), (None, None)])
def test_each_of_several_chips_has_its_own_partners(tmp_path, is_blocked, versions):
    (first, variance), (second, _) = pixels(1), pixels(2)
    chips = [
        [
            image(data, "SCI", version),
            image(scale * variance, "VAR", version),
            image(flags() * is_masked, "DQ", version),
        ]
        for data, version, scale, is_masked in zip(
            (first, second), versions, (1, 2), (0, 1), strict=True
        )
    ]
    hdus = zip(*chips, strict=True) if is_blocked else chips
    path = write(tmp_path / "a.fits", *(hdu for group in hdus for hdu in group))
    facts = read_exposure(path)
    assert [c.ccdnum for c in facts.chips] == [1, 2]
    assert len({c.name for c in facts.chips}) == 2
    one, two = (read_chip(facts, entry) for entry in facts.chips)
    assert (one.weight > 0).all()
    assert two.weight[BAD] == 0
    assert np.median(two.weight) == pytest.approx(np.median(one.weight) / 2, rel=1e-3)


def masked_by(tmp_path, code, mask_cards=None, **cards):
    """MaskBit of a pixel with a code, and whether it has weight."""
    data, variance = pixels()
    hdus = image(data, "SCI"), image(np.sqrt(variance), "ERR")
    mask = image(flags(code), "DQ", **(mask_cards or {}))
    number = len(list(tmp_path.iterdir()))
    _, chip = read(write(tmp_path / f"{number}.fits", *hdus, mask, **cards))
    return MaskBit(int(chip.mask[BAD])), bool(chip.weight[BAD] > 0)


LSST = {"MP_BAD": 0, "MP_SAT": 1, "MP_INTRP": 2, "MP_CR": 3, "MP_EDGE": 4, "MP_DETECTED": 5,
        "MP_NO_DATA": 8, "MP_CLIPPED": 9, "MP_STREAK": 10}  # fmt: skip


@pytest.mark.parametrize(
    ("cards", "plane", "code", "mask", "usable"),
    [
        ({}, {}, 64, MaskBit.BAD, False),
        ({}, LSST, 1, MaskBit.BAD, False),
        ({}, LSST, 2 | 32, SATURATED, False),
        ({}, LSST, 8, MaskBit.COSMIC_RAY, False),
        ({}, LSST, 16 | 32 | 512, GOOD, True),
        ({}, LSST, 256, NO_VALUE, False),
        ({}, LSST, 1024, MaskBit.STREAK, True),
        ({"TELESCOP": "HST"}, {}, 64, GOOD, True),
        ({"TELESCOP": "HST"}, {}, 256, SATURATED, False),
        ({"TELESCOP": "HST"}, {}, 4, MaskBit.BAD, False),
        ({"TELESCOP": "JWST"}, {}, 4, GOOD, True),
        ({"TELESCOP": "JWST"}, {}, 1 | 2, MaskBit.BAD | SATURATED, False),
        ({"TELESCOP": "JWST"}, {}, 1 | 1024, MaskBit.BAD, False),
        ({"ORIGIN": "LCOGT"}, {}, 2, SATURATED, False),
        ({"OBSERVAT": "Gemini-South"}, {}, 4, SATURATED, False),
        ({}, {"MSKBIT03": "saturated", "MSKBIT01": "contains a source"}, 8, SATURATED, False),
        ({}, {"MSKBIT03": "saturated", "MSKBIT01": "contains a source"}, 2, GOOD, True),
    ],
)
def test_codes_of_a_mask_mean_what_its_header_or_its_observatory_says(
    tmp_path, cards, plane, code, mask, usable
):
    assert masked_by(tmp_path, code, plane, **cards) == (mask, usable)


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["ERR", "VAR"])
def test_a_pixel_without_noise_has_no_weight(tmp_path, name, value):
    data, variance = pixels()
    variance[BAD] = value
    _, chip = read(write(tmp_path / "a.fits", image(data, "SCI"), image(variance, name)))
    assert np.argwhere(chip.weight == 0).tolist() == [list(BAD)]
    assert chip.mask[BAD] == NO_VALUE


def test_weights_in_proportion_are_brought_to_the_noise_and_photons_are_added(tmp_path):
    data, variance = pixels()
    exposure = np.full(SHAPE, 1200.0, "f4")
    exposure[BAD] = 0
    path = write(tmp_path / "a.fits", image(data, "SCI"), image(exposure, "WHT"), GAIN=GAIN)
    _, chip = read(path)
    assert chip.weight[BAD] == 0
    assert np.median(chip.weight) == pytest.approx(1 / VARIANCE, rel=0.1)
    assert chip.weight[BRIGHT] == pytest.approx(1 / variance[BRIGHT], rel=0.15)
    said = " ".join(chip.notes)
    assert "WHT is relative" in said
    assert "photons of stars are not in WHT" in said


def test_noise_that_says_nothing_is_made_from_the_pixels(tmp_path):
    data, _ = pixels()
    path = write(tmp_path / "a.fits", image(data, "SCI"), image(0 * data, "ERR"), GAIN=GAIN)
    _, chip = read(path)
    assert np.median(chip.weight) == pytest.approx(1 / VARIANCE, rel=0.1)
    assert "ERR says nothing" in chip.notes[0]


def test_what_is_unknown_beside_a_science_image_is_told_and_not_measured(tmp_path):
    data, variance = pixels()
    path = write(
        tmp_path / "a.fits", image(data, "SCI"), image(data, "FOO"), image(data, "SKY"),
        image(variance, "VAR"),
    )  # fmt: skip
    facts, chip = read(path)
    assert [c.name for c in facts.chips] == ["SCI"]
    assert chip.notes == ("extensions: FOO not used, of unknown meaning",)


def test_chips_of_any_name_are_chips_where_nothing_else_is_there(tmp_path):
    hdus = [image(pixels(n)[0], f"ccd{n:02d}") for n in range(3)]
    facts = read_exposure(write(tmp_path / "a.fits", *hdus))
    assert [c.name for c in facts.chips] == ["ccd00", "ccd01", "ccd02"]


def test_a_file_without_science_names_what_it_has(tmp_path):
    _, variance = pixels()
    path = write(tmp_path / "a.fits", image(variance, "VAR"), image(flags(), "DQ"))
    with pytest.raises(InputFileError, match=r"there: VAR \(variance\), DQ \(mask\)"):
        read_exposure(path)


def test_a_partner_of_another_shape_is_refused_by_name(tmp_path):
    data, variance = pixels()
    path = write(tmp_path / "a.fits", image(data, "SCI"), image(variance[:-1], "VAR"))
    with pytest.raises(InputFileError, match=r"VAR has 100 x 89 pixels, SCI 100 x 90"):
        read_exposure(path)


def test_a_compressed_file_is_read_alike(tmp_path):
    data, variance = pixels()
    hdus = [
        fits.CompImageHDU(hdu.data, hdu.header, compression_type="GZIP_1", quantize_level=0)
        for hdu in (image(data, "SCI"), image(variance, "VAR"), image(flags(), "BPM"))
    ]
    facts, chip = read(write(tmp_path / "a.fits.fz", *hdus))
    assert len(facts.chips) == 1
    assert np.median(chip.weight * variance) == pytest.approx(1, rel=1e-3)
    assert chip.weight[BAD] == 0


def test_a_chip_is_read_as_it_was_written_with_its_partners(tmp_path):
    data, variance = pixels()
    hdus = image(data, "SCI"), image(np.sqrt(variance), "ERR"), image(flags(), "DQ")
    facts, chip = read(write(tmp_path / "a.fits", *hdus))
    chip = replace(chip, data=chip.data + 7)
    copy = write_chip(facts, facts.chips[0], chip, tmp_path / "out", InputOptions())
    _, again = read(copy)
    assert np.diff(again.data) == pytest.approx(np.diff(chip.data), abs=0.01)
    assert again.weight == pytest.approx(chip.weight, rel=1e-3)
    assert np.array_equal(again.mask, chip.mask)
