"""Checks of a compressed image's tiles before it is decompressed.

Decompressors are C code that trusts these values: a wrong one makes it read or write outside of
memory, or take any amount of it. They are those of the FITS standard 4.0, section 10.
"""

import zlib
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits.boundary import FETCH_AGAIN
from exposures.science.arrays import IntArray

DITHERS = ("SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2")
QUANTIZATIONS = ("NONE", "NO_DITHER", *DITHERS)
SEEDS = range(1, 10_001)  # of ZDITHER0
ALGORITHMS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
COMPRESSED, GZIPPED, STORED = "COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA"
BYTES_OF = {"B": 1, "I": 2, "J": 4, "E": 4, "D": 8}  # by the letter of a column's format
WIDEST = 8  # bytes of a pixel
HCOMPRESS_START = b"\xdd\x99"
PLIO_HEADER = 3  # words of 2 bytes that a line list has at least, before its instructions
PLIO_TWO_WORDS = 1  # code of the instruction that has a second word


@dataclass(frozen=True)
class TiledImage:
    """A compressed image as stored in its file."""

    path: Path
    label: str
    header: fits.Header  # of the table that it is
    rows: np.ndarray  # of the table, a tile each
    data: np.ndarray  # (n,) bytes of the whole data unit

    def refused(self, problem) -> InputFileError:
        """The InputFileError with this problem."""
        problem = f"the pixels can't be read: {problem}"
        return InputFileError(self.path, problem, FETCH_AGAIN, hdu=self.label)

    def whole(self, key, default=None) -> int:
        """A whole number under a key; raises InputFileError if it isn't one."""
        value = self.header.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refused(f"{key} is {value!r}, no whole number")
        return value

    def whole_setting(self, name, default) -> int:
        """A whole number that is a compression parameter, which was checked to be one."""
        return int(self.setting(name, default))

    def setting(self, name, default):
        """The value ZVALn of the compression parameter ZNAMEn."""
        for number in range(1, 1000):
            if f"ZNAME{number}" not in self.header:
                return default
            if str(self.header[f"ZNAME{number}"]).strip().upper() == name:
                return self.header.get(f"ZVAL{number}")
        return default


def check_tiles(image: TiledImage) -> dict[str, IntArray]:
    """Sizes in bytes of tiles and where they begin in ``data``, (n_tiles, 2) by column.

    Raises InputFileError if a value isn't what the standard allows, or a tile isn't whole.
    """
    algorithm = image.header.get("ZCMPTYPE")
    if algorithm not in ALGORITHMS:
        raise image.refused(f"ZCMPTYPE is {algorithm!r}")
    shapes = _tile_shapes(image)
    _check_settings(image, algorithm)
    _check_quantization(image, algorithm)
    used = _check_descriptors(image)
    _check_contents(image, algorithm, shapes, used)
    return used


def _tile_shapes(image):
    """(n_tiles, 2) ny, nx of every tile, in the order of the rows."""
    sizes = []
    for axis in range(3, image.whole("ZNAXIS") + 1):  # of length 1, or it is read by nobody
        if image.whole(f"ZTILE{axis}", 1) != 1:
            raise image.refused(f"ZTILE{axis} is {image.header[f'ZTILE{axis}']}")
    for axis in (2, 1):
        length, tile = image.whole(f"ZNAXIS{axis}"), image.whole(f"ZTILE{axis}")
        if not 1 <= tile <= 2**31 - 1:
            raise image.refused(f"ZTILE{axis} is {tile}")
        n_tiles = ceil(length / tile)
        sizes.append([min(tile, length - k * tile) for k in range(n_tiles)])
    n_tiles = prod(map(len, sizes))
    if n_tiles != len(image.rows):
        raise image.refused(f"it has {len(image.rows)} tiles, where its size asks for {n_tiles}")
    return np.stack(np.meshgrid(*sizes, indexing="ij"), axis=-1).reshape(-1, 2)


def _check_settings(image, algorithm):
    allowed = {}
    if algorithm in ("RICE_1", "RICE_ONE"):
        n_bits = abs(image.whole("ZBITPIX"))
        if n_bits == 64 and image.header["ZBITPIX"] > 0:
            raise image.refused(f"ZBITPIX is 64, which {algorithm} can't hold")
        fits_in = [n for n in (1, 2, 4) if 8 * n >= n_bits or image.header["ZBITPIX"] < 0]
        allowed = {"BLOCKSIZE": (32, (16, 32)), "BYTEPIX": (4, fits_in)}
    elif algorithm == "HCOMPRESS_1":
        allowed = {"SMOOTH": (0, (0, 1))}
        scale = image.setting("SCALE", 0)
        if not isinstance(scale, (int, float)) or not 0 <= scale < 2**31:
            raise image.refused(f"SCALE is {scale!r}")
    for name, (default, values) in allowed.items():
        if image.setting(name, default) not in values:
            raise image.refused(f"{name} is {image.setting(name, default)!r}")


def _check_quantization(image, algorithm):
    """Check how floating-point pixels were quantized to integers."""
    method = image.header.get("ZQUANTIZ", "NO_DITHER")
    if method not in QUANTIZATIONS:
        raise image.refused(f"ZQUANTIZ is {method!r}")
    names = image.rows.dtype.names
    is_quantized = "ZSCALE" in names
    if method in DITHERS and image.whole("ZDITHER0") not in SEEDS:
        raise image.refused(f"ZDITHER0 is {image.header['ZDITHER0']}, not 1 to 10000")
    for key in ("ZBLANK", "BLANK"):
        if key in image.header:
            image.whole(key)
    if image.header["ZBITPIX"] > 0:
        if is_quantized:
            raise image.refused("whole numbers with ZSCALE")
        return
    if not is_quantized and algorithm not in ("GZIP_1", "GZIP_2", "NOCOMPRESS"):
        raise image.refused("ZSCALE is missing")
    if not is_quantized:
        return
    if "ZZERO" not in names:
        raise image.refused("ZZERO is missing")
    in_use = np.array(image.rows[COMPRESSED])[:, 0] > 0
    for key in ("ZSCALE", "ZZERO"):
        values = np.asarray(image.rows[key], float)[in_use]
        if not np.all(np.isfinite(values)):
            raise image.refused(f"{key} of a tile is no finite number")
        if key == "ZSCALE" and np.any(values <= 0):
            raise image.refused("ZSCALE of a tile is not positive")


def _check_descriptors(image):
    """Check and return {column: (n_tiles, 2)} sizes and offsets in bytes of the tiles' contents."""
    width, n_rows = image.whole("NAXIS1"), image.whole("NAXIS2")
    table, all_bytes = width * n_rows, width * n_rows + image.whole("PCOUNT")
    heap = image.whole("THEAP", table)
    if not table <= heap <= all_bytes:
        raise image.refused(f"THEAP is {heap}, of {table} to {all_bytes}")
    found = {}
    for name in (COMPRESSED, GZIPPED, STORED):
        if name not in image.rows.dtype.names:
            continue
        descriptors = np.array(image.rows[name])
        if descriptors.shape != (n_rows, 2) or descriptors.dtype.kind != "i":
            raise image.refused(f"{name} has no descriptors")
        item = _bytes_of_item(image, name)
        counts, offsets = descriptors.astype(np.int64).T
        is_within = (descriptors >= 0).all(axis=1) & (descriptors <= all_bytes).all(axis=1)
        if not np.all(is_within & (heap + offsets + counts * item <= all_bytes)):
            raise image.refused(f"{name} of a tile lies outside of the data")
        found[name] = np.column_stack([counts * item, offsets + heap])
    if COMPRESSED not in found:
        raise image.refused(f"{COMPRESSED} is missing")
    total = sum(column[:, 0] for column in found.values())
    if np.any(total == 0):
        raise image.refused("a tile is empty")
    return found


def _bytes_of_item(image, name):
    """The bytes of one item in a column of variable length, such as 1PB(1440)."""
    format_ = image.rows.columns[name].format
    letter = format_.lstrip("1")[1:2]
    if letter not in BYTES_OF:
        raise image.refused(f"{name} has format {format_!r}")
    return BYTES_OF[letter]


def _check_contents(image, algorithm, shapes, used):
    """Check the tiles' bytes if the decompressor would trust them."""
    check = {
        "GZIP_1": _check_gzip,
        "GZIP_2": _check_gzip,
        "PLIO_1": _check_plio,
        "HCOMPRESS_1": _check_hcompress,
    }.get(algorithm)
    if algorithm in ("RICE_1", "RICE_ONE"):
        _check_rice(image, used[COMPRESSED][:, 0])
    checks = {COMPRESSED: check, GZIPPED: _check_gzip}
    for name, column in used.items():
        if checks.get(name) is None:
            continue
        for (n_bytes, start), shape in zip(column.tolist(), shapes.tolist(), strict=True):
            if n_bytes:
                checks[name](image, image.data[start : start + n_bytes], shape)


def _check_gzip(image, content, shape):
    """Check that a gzipped tile decompresses to its size, and not to more."""
    most = WIDEST * prod(shape)
    stream = zlib.decompressobj(wbits=31)
    try:
        n_bytes = len(stream.decompress(content, most + 1))
    except zlib.error as error:
        raise image.refused(f"a tile can't be unfolded ({error})") from error
    if n_bytes > most:
        raise image.refused("a tile is larger than it may be")
    if not stream.eof or stream.unused_data:
        raise image.refused("a tile doesn't end where it should")


def _check_plio(image, content, _shape):
    """Check the length of a PLIO line list, by which alone the decoder goes."""
    words = content.view(">i2").astype(int)
    if len(words) < PLIO_HEADER:
        raise image.refused("a tile is too short")
    is_old = words[2] > 0
    if not is_old and len(words) < 5:
        raise image.refused("a tile is too short")
    length = words[2] if is_old else (words[4] << 15) + words[3]
    first = 3 if is_old else words[1]
    if not 0 <= length <= len(words) or not 0 <= first <= len(words):
        raise image.refused("a tile's line list is longer than the tile")
    if length and words[length - 1] >> 12 == PLIO_TWO_WORDS:
        raise image.refused("a tile's line list ends within an instruction")


def _check_hcompress(image, content, shape):
    """Check that HCOMPRESS's size is the tile's own, for which the decoder has room."""
    start = content[:10].tobytes()
    if start[:2] != HCOMPRESS_START or len(content) < 22:
        raise image.refused("a tile isn't HCOMPRESS")
    size = [int.from_bytes(start[k : k + 4], "big", signed=True) for k in (2, 6)]
    if size != shape:
        raise image.refused(f"a tile has {size[1]} x {size[0]} pixels, not {shape[1]} x {shape[0]}")


def _check_rice(image, n_bytes):
    """Check that Rice tiles have their first pixels, which the decoder reads unchecked."""
    if np.any((n_bytes > 0) & (n_bytes < image.whole_setting("BYTEPIX", 4))):
        raise image.refused("a tile is too short")
