"""Compressed rows are unfolded as astropy does it."""

from unittest import mock

import numpy as np
import pytest
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits import files, rice_rows
from exposures.fits.files import open_images, read_pixels

SHAPE = (41, 75)


def noisy(seed):
    rng = np.random.default_rng(seed)
    pixels = rng.normal(300, 20, SHAPE).astype(np.float32)
    pixels[rng.random(SHAPE) < 0.01] = 0  # exact in the second dither
    return pixels


def written(path, pixels, **how):
    image = fits.CompImageHDU(pixels, name="S1", **{"compression_type": "RICE_1", **how})
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    return path


def pixels_in(path):
    """Pixels of the image in a file, and whether they were unfolded row by row."""
    used = []

    def watched(*arguments):
        used.append(rice_rows.rice_rows(*arguments))
        return used[-1]

    with mock.patch.object(files, "rice_rows", watched), open_images(path) as file:
        found = files.stored_pixels(path, file.images[0])
    return found, used[0] is not None


def by_astropy(path):
    with fits.open(path, memmap=False) as hdus:
        return np.asarray(hdus[1].data)


def same(found, expected):
    return found.dtype == expected.dtype and np.array_equal(
        found, expected, equal_nan=expected.dtype.kind == "f"
    )


@pytest.mark.parametrize("method", [1, 2])
@pytest.mark.parametrize("seed", [1, 9999, 10_000])
def test_dithered_rows_are_astropys(tmp_path, method, seed):
    path = written(tmp_path / "a.fits", noisy(seed), quantize_method=method, dither_seed=seed)
    found, by_rows = pixels_in(path)
    assert by_rows
    assert same(found, by_astropy(path))


def test_undefined_pixels_stay_undefined(tmp_path):
    pixels = noisy(3)
    pixels[5, 7:9] = np.nan
    path = written(tmp_path / "a.fits", pixels, quantize_method=2, dither_seed=4)
    found, _ = pixels_in(path)
    assert np.array_equal(np.isnan(found), np.isnan(pixels))
    assert same(found, by_astropy(path))


def test_undefined_pixels_by_a_key_of_the_header_are_undefined(tmp_path):
    path = written(tmp_path / "a.fits", noisy(3), quantize_method=1, dither_seed=4)
    with fits.open(path, mode="update", disable_image_compression=True) as hdus:
        hdus[1].header["ZBLANK"] = 40
    found, by_rows = pixels_in(path)
    assert by_rows
    assert np.isnan(found).any()
    assert same(found, by_astropy(path))


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_rows_of_whole_numbers_are_astropys(tmp_path, dtype):
    codes = np.random.default_rng(5).integers(-500, 9000, SHAPE).astype(dtype)
    found, by_rows = pixels_in(written(tmp_path / "a.fits", codes))
    assert by_rows
    assert same(found, codes)


@pytest.mark.parametrize(
    ("pixels", "how"),
    [
        (noisy(1), {"quantize_method": -1}),
        (noisy(1).astype("f8"), {"quantize_method": 1}),
        (noisy(1), {"tile_shape": (8, 75), "quantize_method": 1}),
        (noisy(1), {"tile_shape": (1, 30), "quantize_method": 1}),
        (noisy(1), {"compression_type": "GZIP_2", "quantize_level": 0}),
        (np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype("u2"), {}),
        (np.full(SHAPE, 7, "u1"), {}),
    ],
    ids=["no dither", "doubles", "high tiles", "short tiles", "gzip", "unsigned", "bytes"],
)
def test_other_images_are_left_to_astropy(tmp_path, pixels, how):
    path = written(tmp_path / "a.fits", pixels, **how)
    found, by_rows = pixels_in(path)
    assert not by_rows
    assert same(found, by_astropy(path))


def test_a_row_that_is_stored_otherwise_leaves_all_to_astropy(tmp_path):
    pixels = noisy(2)
    pixels[3] = np.float32(1.5)  # which doesn't quantize
    path = written(tmp_path / "a.fits", pixels, quantize_method=1, dither_seed=1)
    found, _ = pixels_in(path)
    assert same(found, by_astropy(path))


def test_without_astropys_private_code_its_own_way_is_taken(tmp_path):
    path = written(tmp_path / "a.fits", noisy(1), quantize_method=1, dither_seed=1)
    with mock.patch.object(rice_rows, "_unfolded", None):
        found, by_rows = pixels_in(path)
    assert not by_rows
    assert same(found, by_astropy(path))


def test_a_row_without_its_first_pixel_is_refused(tmp_path):
    path = written(tmp_path / "a.fits", noisy(1), quantize_method=1, dither_seed=1)
    with fits.open(path, disable_image_compression=True) as hdus:
        start, width = hdus[1].fileinfo()["datLoc"], hdus[1].header["NAXIS1"]
    with path.open("r+b") as stream:
        stream.seek(start + 4 * width)  # of the fifth row: the size of its content comes first
        stream.write((3).to_bytes(4, "big"))
    with open_images(path) as file, pytest.raises(InputFileError, match="too short"):
        read_pixels(path, file.images[0])
