"""Pixels of a compressed image whose tiles are rows, in the code by Rice: the usual image.

astropy's own way has some twenty steps in Python for each tile, which take longer than the code in
C that unfolds it. That code is private to astropy: where it isn't there, its own way is left.
"""

import numpy as np

from exposures.fits.tiles import COMPRESSED, DITHERS, TiledImage
from exposures.science.arrays import IntArray

try:
    from astropy.io.fits.hdu.compressed._compression import decompress_rice_1_c as _unfolded
    from astropy.io.fits.hdu.compressed._compression import unquantize_float_c as _unquantized
except ImportError:
    _unfolded = _unquantized = None

WHOLE = {16: np.int16, 32: np.int32}  # types of whole numbers by ZBITPIX
QUANTIZED = -32  # ZBITPIX of single precision


def rice_rows(image: TiledImage, places: dict[str, IntArray]) -> np.ndarray | None:
    """(ny, nx) pixels as astropy has them, or None where they are stored in any other way.

    ``image`` has passed ``check_tiles``, and ``places`` are what that returned. None also where the
    header has a scale of its own.
    """
    if _unfolded is None or not (_are_rows(image) and _are_unscaled(image)):
        return None
    column = places[COMPRESSED]
    if not np.all(column[:, 0] > 0):
        return None
    n_bits, n_bytes = image.whole("ZBITPIX"), image.whole_setting("BYTEPIX", 4)
    shape = image.whole("ZNAXIS2"), image.whole("ZNAXIS1")
    if n_bits == QUANTIZED and image.header.get("ZQUANTIZ") in DITHERS and n_bytes == 4:
        return _quantized_rows(image, column, shape)
    if n_bits in WHOLE and n_bits == 8 * n_bytes and not _has(image, "BLANK", "ZBLANK"):
        return _whole_rows(image, column, shape)
    return None


def _are_rows(image):
    is_rice = image.header.get("ZCMPTYPE") in ("RICE_1", "RICE_ONE")
    is_row = image.whole("ZTILE1") == image.whole("ZNAXIS1") and image.whole("ZTILE2", 1) == 1
    return is_rice and is_row and len(image.rows) == image.whole("ZNAXIS2")


def _are_unscaled(image):
    return image.header.get("BSCALE", 1) == 1 and image.header.get("BZERO", 0) == 0


def _has(image, *names):
    return any(name in image.header or name in image.rows.dtype.names for name in names)


def _rows(image, column, nx):
    """Whole numbers of each row, as bytes."""
    block, n_bytes = image.whole_setting("BLOCKSIZE", 32), image.whole_setting("BYTEPIX", 4)
    content = image.data.tobytes()
    for size, start in column.tolist():
        yield _unfolded(content[start : start + size], block, n_bytes, nx)


def _whole_rows(image, column, shape):
    dtype = WHOLE[image.whole("ZBITPIX")]
    pixels = np.empty(shape, dtype)
    for row, content in zip(pixels, _rows(image, column, shape[1]), strict=True):
        row[:] = np.frombuffer(content, dtype)
    return pixels


def _quantized_rows(image, column, shape):
    """(ny, nx) float32: whole numbers on a scale for each row, without their dither."""
    if _has(image, "BLANK") or "ZBLANK" in image.rows.dtype.names:
        return None
    scale, zero = (np.asarray(image.rows[name], float).tolist() for name in ("ZSCALE", "ZZERO"))
    method, seed = 1 + DITHERS.index(image.header["ZQUANTIZ"]), image.whole("ZDITHER0")
    blank, nx = image.header.get("ZBLANK"), shape[1]
    pixels = np.empty(shape, np.float32)
    for index, content in enumerate(_rows(image, column, nx)):
        scaled = scale[index], zero[index], method
        plain = _unquantized(content, seed + index, nx, *scaled, 0, 0, 0.0, 4)
        pixels[index] = np.frombuffer(plain, np.float32)
        if blank is not None:
            pixels[index, np.frombuffer(content, np.int32) == blank] = np.nan
    return pixels
