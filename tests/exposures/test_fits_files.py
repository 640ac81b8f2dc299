"""Files that can't be used: one message that names the file, the HDU and the cure."""

import gzip
import os

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import FileOptions, read_chip, read_exposure, take_limits_from
from tests.builders.fits_files import (
    NAME,
    chip_cards,
    header,
    triplet_pixels,
    wcs_cards,
    write_file,
    write_plain,
    write_triplet,
)

SHAPE = (300, 400)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputFileError, match=r"none.fits: there is no such file\. Check"):
        read_exposure(tmp_path / "none.fits")


def test_a_folder(tmp_path):
    with pytest.raises(InputFileError, match="this is a folder"):
        read_exposure(tmp_path)


def test_an_empty_file(tmp_path):
    path = tmp_path / "a.fits"
    path.touch()
    with pytest.raises(InputFileError, match=r"a.fits: the file is empty\. Fetch it again"):
        read_exposure(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write_plain(tmp_path / "a.fits")
    path.chmod(0)
    with pytest.raises(InputFileError, match="can't be opened"):
        read_exposure(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<!DOCTYPE html><html>Not found</html>", "a web page, not a FITS file"),
        (b"\x89PNG\r\n", "not a FITS file"),
        (b"SIMPLE  =                    T", "not readable as FITS"),
        (b"\x1f\x8bnot gzip after all", "not readable as FITS"),
    ],
)
def test_what_is_no_fits_file(tmp_path, content, kind):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=kind):
        read_exposure(path)


def test_no_image_in_it(tmp_path):
    path = tmp_path / "a.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("RA", "D", array=np.arange(3.0))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    with pytest.raises(InputFileError, match="no image HDU"):
        read_exposure(path)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((2, 30, 40), r"HDU 0 has 3 dimensions \(40 x 30 x 2 pixels\)"),
        ((2, 1, 30, 40), r"HDU 0 has 4 dimensions \(40 x 30 x 1 x 2 pixels\)"),
        ((2, 1, 1, 1, 30, 40), r"HDU 0 has 6 dimensions \(40 x 30 x 1 x 1 x ... pixels\)"),
        ((40,), r"HDU 0 has 1 dimension \(40 pixels\)"),
    ],
)
def test_a_spectrum_or_a_cube_is_no_image_and_its_dimensions_are_told(tmp_path, shape, said):
    path = write_plain(tmp_path / "a.fits", cards={"NAXIS": 2})
    fits.PrimaryHDU(np.zeros(shape), fits.getheader(path)).writeto(path, overwrite=True)
    with pytest.raises(InputFileError, match=rf"no image HDU .*: {said}. Write each plane") as e:
        read_exposure(path)
    assert str(path) in str(e.value)


@pytest.mark.parametrize("kind", "iwd")
def test_a_cube_in_a_triplet_is_named_with_its_dimensions(tmp_path, kind):
    cube = np.stack([triplet_pixels(kind)] * 3)
    path = write_triplet(tmp_path, changed={kind: {"N4": (cube, chip_cards())}})
    said = rf"_oo{kind}_.*N4 has 3 dimensions \(60 x 40 x 3 pixels\)"
    with pytest.raises(InputFileError, match=said):
        read_exposure(path)


@pytest.mark.parametrize("make", [fits.ImageHDU, fits.CompImageHDU])
def test_an_axis_of_length_one_leaves_the_plane_that_there_is(tmp_path, make):
    header = fits.getheader(write_plain(tmp_path / "b.fits"))
    pixels = np.random.default_rng(3).normal(500, 10, (1, 40, 60)).astype(np.float32)
    made = make(pixels, header)
    made.header.update({"CTYPE3": "STOKES", "CRVAL3": 1.0, "CDELT3": 1.0, "CRPIX3": 1.0})
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), made]).writeto(path)
    facts = read_exposure(path)
    chip = read_chip(facts, facts.chips[0])
    assert chip.shape == (40, 60)
    assert chip.data == pytest.approx(pixels[0], abs=1)
    assert chip.wcs.naxis == 2
    take_limits_from(lambda: FileOptions(max_pixels=2000))
    try:
        with pytest.raises(InputFileError, match=r"pixels, more than files\.max_pixels"):
            read_exposure(path)
    finally:
        take_limits_from(FileOptions)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("fraction", [0.97, 0.75, 0.55])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, compressed, fraction):
    """Else the chips after the cut would be missing, and nobody would know."""
    random = np.random.default_rng(2)
    chips = {
        name: (random.normal(400, 20, SHAPE).astype(np.float32), chip_cards(35 + n))
        for n, name in enumerate(("N4", "N5"))
    }
    path = write_file(tmp_path / "a.fits", chips, compressed)
    size = path.stat().st_size
    os.truncate(path, int(fraction * size))
    with pytest.raises(InputFileError, match=r"a.fits\[[12]\]: truncated: .*\. Fetch it again"):
        read_exposure(path)


def test_a_header_that_breaks_off_is_a_truncation(tmp_path):
    chips = {name: (triplet_pixels("i"), chip_cards()) for name in ("N4", "N5")}
    path = write_file(tmp_path / "a.fits", chips)
    with fits.open(path) as hdus:
        start = hdus[2].fileinfo()["hdrLoc"]
    os.truncate(path, start + 1000)
    with pytest.raises(InputFileError, match=r"\[2\]: truncated: the header of HDU 2 breaks off"):
        read_exposure(path)


def test_a_truncated_sibling_is_named(tmp_path):
    path = write_triplet(tmp_path, shape=SHAPE)
    mask = path.with_name(NAME.format(kind="d"))
    os.truncate(mask, 200_000)
    with pytest.raises(InputFileError, match=r"ood_r_v1.fits\[1\]: truncated"):
        read_exposure(path)


def test_a_truncated_gzip_file_is_refused(tmp_path):
    random = np.random.default_rng(2)
    path = write_plain(tmp_path / "a.fits", random.normal(400, 20, SHAPE))
    packed = path.with_name("a.fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:100_000])
    with pytest.raises(InputFileError, match=r"a\.fits\.gz: .* Fetch it again"):
        read_exposure(packed)


def test_tiles_that_cannot_be_decompressed_name_the_hdu(tmp_path):
    path = tmp_path / "a.fits.fz"
    random = np.random.default_rng(2)
    cards = {**wcs_cards(), "EXPTIME": 1.0, "MJD-OBS": 58000.0, "FILTER": "r"}
    image = fits.CompImageHDU(
        random.integers(0, 999, SHAPE), header(cards), compression_type="GZIP_1"
    )
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    with fits.open(path) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + 8 * SHAPE[0]  # past the table of tiles
    raw = bytearray(path.read_bytes())
    raw[start : start + 20_000] = bytes(20_000)
    path.write_bytes(raw)
    facts = read_exposure(path)
    with pytest.raises(InputFileError, match=r"a.fits.fz\[.*\]: the pixels can't be read"):
        read_chip(facts, facts.chips[0])


def test_trailing_blanks_are_no_truncation(tmp_path):
    path = write_plain(tmp_path / "a.fits")
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert read_exposure(path).filter == "Clear"
