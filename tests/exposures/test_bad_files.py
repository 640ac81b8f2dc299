"""Files that lie, or would take all memory or for ever: an error that names them, and nothing else.

Values of headers are changed as bytes, as a damaged disk or a careless program does it: a library
that writes them would mend or refuse most of this.
"""

import gzip
import os
import resource
import socket
import subprocess
import sys
import warnings

import numpy as np
import pytest
from astropy.io import fits
from django.conf import settings

from exposures.catalogues import CatalogueCuts, open_catalogue
from exposures.errors import GalprojectError, InputFileError
from exposures.fits import FileOptions, boundary, read_chip, read_exposure
from exposures.fits.limits import take_limits_from
from exposures.fits.source_files import chip_digest
from exposures.ingest import distinct
from tests.builders.fits_files import NAME, chip_cards, write_file, write_plain, write_triplet
from tests.exposures.test_catalogues import scattered, table, table_of, write_table

SHAPE = (40, 60)


@pytest.fixture
def limits():
    """Sets other limits for the files of a test."""
    yield lambda **values: take_limits_from(lambda: FileOptions(**values))
    take_limits_from(FileOptions)


def compressed(folder, **how):
    """A triplet whose image is compressed, of a noisy sky."""
    path = write_triplet(folder)
    pixels = np.random.default_rng(3).normal(400, 10, SHAPE).astype("f4")
    how = {"compression_type": "RICE_1", "quantize_method": 1, "dither_seed": 7, **how}
    if how["compression_type"] in ("PLIO_1", "GZIP_2"):
        pixels = pixels.astype("i2" if how["compression_type"] == "GZIP_2" else "i4")
    header = fits.Header({**chip_cards(35), "EXTNAME": "N4"})
    with fits.open(path, memmap=False) as hdus:
        hdus[1] = fits.CompImageHDU(pixels, header, **how)
        hdus.writeto(path, overwrite=True)
    return path


def set_card(path, key, text, hdu=1, after=None):
    """Write a card's value into the bytes of a file, whatever it is; a new card in place of END."""
    raw = bytearray(path.read_bytes())
    with fits.open(path, disable_image_compression=True) as hdus:
        info = hdus[hdu].fileinfo()
    for start in range(info["hdrLoc"], info["datLoc"], 80):
        keyword = raw[start : start + 8].decode().strip()
        if keyword in (key, "END"):
            raw[start : start + 80] = f"{key:8s}= {text:>20s}".ljust(80).encode()
            if keyword == "END":
                raw[start + 80 : start + 160] = b"END".ljust(80)
            break
    path.write_bytes(raw)


def read(path):
    facts = read_exposure(path)
    return read_chip(facts, facts.chips[0])


def assert_refused(path, *words):
    """Reading ends with one line that names the file."""
    with warnings.catch_warnings(record=True) as said, pytest.raises(InputFileError) as raised:
        warnings.simplefilter("always")
        read(path)
    message = str(raised.value)
    assert path.stem in message or path.stem.replace("_ooi_", "_oow_") in message
    assert "\n" not in message
    assert not said
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("NAXIS", "3"), ("NAXIS", "-1"), ("NAXIS", "1000"), ("NAXIS1", "XX"), ("NAXIS2", "")),
        *(("NAXIS1", "9" * 19), ("NAXIS2", "60.5"), ("BITPIX", "-33"), ("BITPIX", "'-32'")),
        *(("PCOUNT", "-9"), ("GCOUNT", "1000000"), ("XTENSION", "5"), ("CTYPE1", "7")),
        *(("CD1_2", "1E400"), ("CD1_2", "(1,2)"), ("CRVAL1", "'a'"), ("A_ORDER", "30000")),
        *(("LONPOLE", "1E300"), ("CRVAL2", "-200000000"), ("CRVAL2", "1E15")),
        *(("BSCALE", "'x'"), ("BZERO", "1E999"), ("CCDNUM", "1E30"), ("PV1_1", "T")),
    ],
)
def test_a_card_that_no_image_has_is_the_files_error(tmp_path, key, text):
    path = write_triplet(tmp_path)
    set_card(path, key, text)
    assert_refused(path)


def test_a_table_of_more_columns_than_one_can_have_is_refused_before_they_are_listed(tmp_path):
    path = table_of(tmp_path / "a.fits")
    set_card(path, "TFIELDS", "4294967297")
    with pytest.raises(InputFileError, match="TFIELDS is 4294967297"):
        open_catalogue(path).stars(150, -30, 0.2, 58107, "i")


@pytest.mark.parametrize(
    ("key", "text"), [("SIMPLE", "F"), ("SIMPLE", "1"), ("NAXIS", "2"), ("BITPIX", "7")]
)
def test_a_primary_header_that_is_none_is_the_files_error(tmp_path, key, text):
    path = write_triplet(tmp_path)
    set_card(path, key, text, hdu=0)
    assert_refused(path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("ZQUANTIZ", "'XXX     '"), ("ZDITHER0", "-200000000"), ("ZDITHER0", "0")),
        *(("ZDITHER0", "10001"), ("ZDITHER0", "1.5"), ("ZCMPTYPE", "'RICE_9  '")),
        *(("ZBITPIX", "-31"), ("ZNAXIS", "1"), ("ZNAXIS1", "61"), ("ZNAXIS2", "4000")),
        *(("ZNAXIS1", "100000"), ("ZTILE1", "0"), ("ZTILE1", "-60"), ("ZTILE2", "2")),
        *(("ZVAL1", "0"), ("ZVAL1", "-32"), ("ZVAL2", "3"), ("ZVAL2", "'x'"), ("THEAP", "-5")),
        *(("THEAP", "99999999"), ("TFORM1", "'1PJ(9)  '"), ("TTYPE1", "'NOTHING '")),
        *(("TTYPE3", "'NOTHING '"), ("ZBLANK", "1.5"), ("NAXIS2", "39"), ("TFIELDS", "9")),
        *(("TFIELDS", "4294967297"), ("TFIELDS", "-1"), ("TFIELDS", "1.5")),
    ],
)
def test_what_a_decompressor_trusts_is_checked_before(tmp_path, key, text):
    path = compressed(tmp_path)
    set_card(path, key, text)
    assert_refused(path)


@pytest.mark.parametrize("value", [-1, 2**31 - 1, 10**6])
@pytest.mark.parametrize("column", [0, 1])
def test_tiles_lie_within_the_file(tmp_path, column, value):
    path = compressed(tmp_path)
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"]
    raw = bytearray(path.read_bytes())
    place = start + 4 * column + 5 * 32  # the sixth tile's: a descriptor, another, two numbers
    raw[place : place + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(raw)
    assert_refused(path, "N4", "tile")


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 0.0])
def test_the_scale_of_a_tile_is_a_positive_number(tmp_path, scale):
    path = compressed(tmp_path)
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + 5 * 32 + 16
    raw = bytearray(path.read_bytes())
    raw[start : start + 8] = np.array(scale, ">f8").tobytes()
    path.write_bytes(raw)
    assert_refused(path, "ZSCALE")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"quantize_method": -1},
        {"quantize_method": 2, "tile_shape": (7, 13)},
        {"quantize_level": 0, "compression_type": "GZIP_1"},
        {"compression_type": "GZIP_1"},
        {"compression_type": "GZIP_2"},
        {"compression_type": "PLIO_1"},
        {"compression_type": "HCOMPRESS_1", "tile_shape": (16, 20)},
        {"compression_type": "NOCOMPRESS", "quantize_level": 0},
    ],
)
def test_good_compressed_images_are_read(tmp_path, how):
    path = compressed(tmp_path, **how)
    with fits.open(path) as hdus:
        expected = hdus[1].data
    assert np.array_equal(read(path).data, expected.astype("f4"))


@pytest.mark.parametrize("algorithm", ["PLIO_1", "HCOMPRESS_1", "GZIP_1"])
def test_what_tiles_say_of_themselves_is_checked_too(tmp_path, algorithm):
    how = {"tile_shape": (20, 20)} if algorithm == "HCOMPRESS_1" else {}
    path = compressed(tmp_path, compression_type=algorithm, **how)
    with fits.open(path, disable_image_compression=True) as hdus:
        info, table = hdus[1].fileinfo(), hdus[1]
        start = info["datLoc"] + table.header["NAXIS1"] * table.header["NAXIS2"]
    raw = bytearray(path.read_bytes())
    raw[start + 3 : start + 9] = b"\x7f\xff\x7f\xff\x7f\xff"  # lengths, or gzip's flags
    path.write_bytes(raw)
    assert_refused(path, "N4")


def zeros_in_gzip(n_bytes):
    """Gzip's bytes of that many zeros, made without holding them."""
    piece = gzip.compress(bytes(1 << 20))  # members follow each other
    return piece * (n_bytes >> 20)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    """In a process of its own, whose memory is bounded as the work of many files would bound it."""
    paths = []
    for name, shape in (("plain", (60_000, 60_000)), ("wide", (4, 250_000_000))):
        path = tmp_path / f"{name}.fits"
        header = fits.Header(
            {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": shape[1], "NAXIS2": shape[0]}
        )
        start = header.tostring().encode()
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(start) + zeros_in_gzip(64 << 20))
        path.write_bytes(start)
        os.truncate(path, len(start) + 4 * shape[0] * shape[1])  # holes take no room
        paths += [path, packed]
    small = compressed(tmp_path)
    set_card(small, "ZNAXIS1", "96000")
    set_card(small, "ZNAXIS2", "96000")
    script = (
        "import sys\nfrom exposures.fits import read_exposure\n"
        "from exposures.errors import InputFileError\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n        read_exposure(path)\n"
        "    except InputFileError as error:\n        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, [*paths, small])],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)),
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert all("files.max_pixels" in line for line in lines)


def test_a_file_has_no_more_than_the_options_say(tmp_path, limits):
    path = write_triplet(tmp_path, names=("N4", "N5", "N6"))
    limits(max_hdus=3)
    assert_refused(path, "files.max_hdus")
    limits(max_bytes=30_000)
    assert_refused(path, "files.max_bytes")
    limits(max_cards=20)
    assert_refused(path, "files.max_cards")
    limits(max_pixels=40 * 60 - 1)
    assert_refused(path, "files.max_pixels")
    limits(max_pixels=40 * 60)
    assert read(path).shape == SHAPE


def test_a_header_without_an_end_is_not_read_for_ever(tmp_path):
    path = tmp_path / "a.fits"
    card = b"SIMPLE  =                    T".ljust(80)
    path.write_bytes(card + b"HISTORY".ljust(80) * 200_000)
    assert_refused(path, "no end")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "loop", "name", "folder"])
def test_only_plain_files_are_opened(tmp_path, kind):
    """A pipe waits for a writer, a device may have no end, a loop of links leads nowhere."""
    path = tmp_path / NAME.format(kind="i")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(tmp_path)  # names of sockets are short
        server.bind(path.name)
        os.chdir(here)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / ("x" * 300)
    with pytest.raises(InputFileError, match=path.name):
        read_exposure(path)
    plain = tmp_path / "plain.fits"
    if kind != "name":
        path.rename(plain)
        if kind == "loop":
            plain.unlink()
            plain.symlink_to(plain)
        with pytest.raises(InputFileError, match=r"plain\.fits"):
            read_exposure(plain)
        with pytest.raises(InputFileError, match=r"plain\.fits"):
            chip_digest(plain, "1")


def test_a_loop_of_links_among_the_files_is_an_error_of_its_own(tmp_path):
    path, loop = write_plain(tmp_path / "a.fits"), tmp_path / "b.fits"
    loop.symlink_to(loop)
    paths, errors = distinct([loop, path, f"{tmp_path}/nul\0"])
    assert paths == [path]
    assert len(errors) == 2
    assert "b.fits" in str(errors[0])


@pytest.mark.parametrize(
    "error",
    [
        *(KeyError("NAXIS3"), IndexError(), ZeroDivisionError(), RecursionError("too deep")),
        *(MemoryError(), AttributeError("x"), AssertionError(), OverflowError("large")),
        *(UnicodeDecodeError("ascii", b"\xff", 0, 1, "no"), Exception("two\nlines")),
    ],
)
def test_whatever_a_library_raises_is_the_files_error(tmp_path, error):
    path = tmp_path / "a.fits"
    with pytest.raises(InputFileError) as raised, boundary.reading(path):
        raise error
    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)
    assert ". " in str(raised.value)  # and what to do


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GalprojectError])
def test_what_stops_a_run_is_no_files_error(tmp_path, error):
    with pytest.raises(error) as raised, boundary.reading(tmp_path):
        raise error("that is all")
    assert raised.type is error


def with_sums(folder, **how):
    """A triplet that has its sums, of which the image is read."""
    path = compressed(folder) if how.get("compress") else write_triplet(folder)
    with fits.open(path, memmap=False) as hdus:
        hdus.writeto(path, overwrite=True, checksum=True)
    return path


def flip(path, hdu, part, n=1):
    """Flip a bit of the header or of the data of an HDU, in the middle of it."""
    with fits.open(path, disable_image_compression=True) as hdus:
        info = hdus[hdu].fileinfo()
    raw = bytearray(path.read_bytes())
    if part == "data":
        place = info["datLoc"] + 2000
    else:
        place = raw.index(b"FWHM" if hdu else b"EXPTIME", info["hdrLoc"]) + 28
    raw[place] ^= n
    path.write_bytes(raw)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("hdu", "part", "word"),
    [(1, "data", "DATASUM"), (1, "header", "CHECKSUM"), (0, "header", "CHECKSUM")],
)
def test_a_flipped_bit_is_seen_by_the_files_own_sums(tmp_path, limits, compress, hdu, part, word):
    path = with_sums(tmp_path, compress=compress)
    read(path)
    flip(path, hdu, part)
    assert_refused(path, word, "files.checksums")
    limits(checksums="data")
    if part == "data":
        assert_refused(path, word)
        return
    read(path)


def test_files_with_the_sums_of_others_are_read_where_the_options_say_so(tmp_path, limits):
    path = with_sums(tmp_path)
    flip(path, 1, "data")
    limits(checksums="none")
    read(path)


@pytest.mark.parametrize("place", [0.3, 0.7, -6, -2])
def test_gzips_own_checksum_counts(tmp_path, place):
    path = write_plain(tmp_path / "a.fits")
    packed = bytearray(gzip.compress(path.read_bytes()))
    packed[int(place * len(packed)) if abs(place) < 1 else place] ^= 16
    path = tmp_path / "a.fits.gz"
    path.write_bytes(packed)
    assert_refused(path)


def test_a_good_file_that_goes_on_after_its_last_hdu_is_not_read_to_its_end(tmp_path):
    path = write_plain(tmp_path / "a.fits")
    packed = tmp_path / "b.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()) + zeros_in_gzip(8 << 20))
    os.truncate(path, path.stat().st_size + (8 << 20))
    for longer in (path, packed):
        with pytest.raises(InputFileError, match="follow its last HDU"):
            read_exposure(longer)


def test_what_is_gzipped_twice_is_no_image(tmp_path):
    path = write_plain(tmp_path / "a.fits")
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(gzip.compress(path.read_bytes())))
    assert_refused(packed)


def test_a_file_that_changed_is_looked_at_anew(tmp_path):
    path = write_plain(tmp_path / "a.fits.gz")
    read(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert_refused(path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("TFORM1", "'1QX     '"), ("TFIELDS", "99"), ("NAXIS2", "999999999"), ("TTYPE1", "5")),
        *(("NAXIS1", "-8"), ("TSCAL1", "'x'")),
    ],
)
def test_a_catalogue_that_is_damaged_is_named(tmp_path, key, text):
    path = write_table(tmp_path / "chunk-00001.fits", table(*scattered(150.0, -30.0, 1.0)))
    set_card(path, key, text)
    catalogue = open_catalogue(path, CatalogueCuts())
    with pytest.raises(InputFileError, match=r"chunk-00001\.fits"):
        catalogue.stars(150.0, -30.0, 180.0, 58000.0, "r")


def test_a_catalogue_whose_sums_are_wrong_is_named(tmp_path):
    path = write_table(tmp_path / "chunk-00001.fits", table(*scattered(150.0, -30.0, 1.0)))
    with fits.open(path, memmap=False) as hdus:
        hdus.writeto(path, overwrite=True, checksum=True)
    open_catalogue(path).stars(150.0, -30.0, 180.0, 58000.0, "r")
    flip_at = path.stat().st_size - 2880
    raw = bytearray(path.read_bytes())
    raw[flip_at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputFileError, match="DATASUM"):
        open_catalogue(path).stars(150.0, -30.0, 180.0, 58000.0, "r")


def test_a_mask_of_many_chips_is_checked_for_the_one_that_is_read(tmp_path):
    chips = {
        name: (np.zeros(SHAPE, "i2"), chip_cards(35 + n)) for n, name in enumerate(("N4", "N5"))
    }
    path = write_file(tmp_path / NAME.format(kind="d"), chips)
    folder = tmp_path / "triplet"
    folder.mkdir()
    image = write_triplet(folder, ("N4", "N5"))
    path.replace(image.with_name(path.name))
    mask = image.with_name(path.name)
    with fits.open(mask, memmap=False) as hdus:
        hdus.writeto(mask, overwrite=True, checksum=True)
    flip(mask, 2, "data")
    facts = read_exposure(image)
    read_chip(facts, facts.chips[0])
    with pytest.raises(InputFileError, match="DATASUM"):
        read_chip(facts, facts.chips[1])
