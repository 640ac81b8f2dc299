"""The structure of a FITS file, found before anything is read by its headers.

A header says how much memory its data take, and a few bytes can say any number. So sizes are held
against the file and the limits here, from the few cards that the standard asks of every header;
readers come after.
"""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

from exposures.errors import InputFileError
from exposures.fits.boundary import FETCH_AGAIN
from exposures.fits.limits import FileOptions
from exposures.fits.recent import Recent

BLOCK, CARD = 2880, 80  # bytes
AT_ONCE = 1 << 20  # bytes
MAX_AFTER = 1 << 20  # bytes after the last HDU; tapes were filled up with less
MAX_COLUMNS = 999  # of a table, as the standard has it; a list is made of them before one is read
BITS = (8, 16, 32, 64, -32, -64)
REMEMBERED = 8  # files whose structure is known: gzipped ones have to be unfolded for it
_SIZES = re.compile(rb"(BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|TFIELDS|ZBITPIX|ZNAXIS\d{0,3}) *= *(.*)")
_WHOLE_NUMBER = re.compile(rb"([+-]?\d{1,18}) *(/.*)?")
_LOGICAL = re.compile(rb"(SIMPLE|GROUPS|ZIMAGE) *= *([TF])\b")
_TEXT = re.compile(rb"XTENSION= *'([^']*)'")


@dataclass(frozen=True)
class HduSpan:
    """The range of bytes of an HDU in its file's stream."""

    index: int
    start: int
    data: int
    end: int  # with what fills its last block
    kind: str  # "" of the primary one, else XTENSION
    sizes: dict[str, int]  # the cards of its size, by their keys

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of the image, compressed or not: ..., ny, nx; () if there is none."""
        z = "Z" if "ZNAXIS" in self.sizes else ""
        if self.kind not in ("", "IMAGE") and not z:
            return ()
        axes = range(self.sizes.get(f"{z}NAXIS", 0), 0, -1)
        return tuple(self.sizes[f"{z}NAXIS{axis}"] for axis in axes)


_known: Recent[tuple[HduSpan, ...]] = Recent(REMEMBERED)


def structure_of(path: Path, stamp: tuple, stream, limits: FileOptions) -> tuple[HduSpan, ...]:
    """The HDUs of a file, which is read to its end if it is gzipped.

    ``stamp`` is another where the file was changed; ``stream`` is at its first byte. Raises
    InputFileError where a header isn't one, an HDU doesn't end within the file, a size is beyond
    the ``limits``, or gzip's own checksum is wrong.
    """
    key = str(path), stamp, limits
    return _known.get(key, lambda: tuple(_Scan(path, stream, limits).hdus()))


class _Scan:
    """One pass through the stream of a file."""

    def __init__(self, path, stream, limits):
        self.path, self.stream, self.limits = path, stream, limits
        self.position = 0

    def hdus(self):
        index, block = 0, self._read(BLOCK)
        while index == 0 or block.startswith(b"XTENSION"):
            if index >= self.limits.max_hdus:
                problem = f"more than {self.limits.max_hdus} HDUs (files.max_hdus)"
                raise self._refused(index, problem, "Leave it, or raise files.max_hdus")
            start = self.position - len(block)
            header = self._header(block, index)
            kind, sizes = self._cards(header, index)
            self._check_pixels(kind, sizes, index)
            data = self.position
            self._skip(-(-_n_bytes(sizes) // BLOCK) * BLOCK, index)
            yield HduSpan(index, start, data, self.position, kind, sizes)
            index, block = index + 1, self._read(BLOCK)
        self._read_rest(len(block), index - 1)

    def _read_rest(self, n_after, index):
        """Read what comes after the last HDU, for gzip's checksum is at the end."""
        while content := self._read(AT_ONCE):
            n_after += len(content)
            if n_after > MAX_AFTER:
                problem = f"more than {MAX_AFTER} bytes follow its last HDU, and are none"
                raise self._refused(index, problem)

    def _read(self, n_bytes):
        content = self.stream.read(n_bytes)
        self.position += len(content)
        if self.position > self.limits.max_bytes:
            limit = f"{self.limits.max_bytes} bytes (files.max_bytes)"
            raise self._refused(
                None, f"longer than {limit}", "Leave it, or raise files.max_bytes if it is good"
            )
        return content

    def _header(self, block, index):
        parts = []
        while True:
            if len(block) < BLOCK:
                if index == 0:
                    raise self._refused(None, "not readable as FITS: its header has no end")
                problem = f"truncated: the header of HDU {index} breaks off"
                raise self._refused(index, problem)
            parts.append(block)
            starts = range(0, BLOCK, CARD)
            end = next((i for i in starts if block[i : i + CARD].rstrip() == b"END"), None)
            n_cards = ((len(parts) - 1) * BLOCK + (BLOCK if end is None else end)) // CARD
            if n_cards > self.limits.max_cards:
                problem = f"its header has no end within {self.limits.max_cards} cards"
                advice = "Leave it, or raise files.max_cards if it is good"
                raise self._refused(index, problem, advice)
            if end is not None:
                return b"".join(parts)
            block = self._read(BLOCK)

    def _cards(self, header, index):
        """The kind of an HDU and its size cards, each of which must occur once and be a number."""
        kind, sizes, logical = "", {}, {}
        for start in range(0, len(header), CARD):
            card = header[start : start + CARD]
            if card.rstrip() == b"END":
                break
            if match := _SIZES.match(card):
                self._add_size(sizes, match[1].decode(), match[2], index)
            elif match := _LOGICAL.match(card):
                logical[match[1]] = match[2] == b"T"
            elif start == 0 and (match := _TEXT.match(card)):
                kind = match[1].decode("ascii", "replace").strip()
        if index == 0 and not logical.get(b"SIMPLE"):
            raise self._refused(0, "SIMPLE is not T: it says itself that it is no standard FITS")
        if index and not kind:
            raise self._refused(index, "XTENSION doesn't say what it is")
        if not logical.get(b"ZIMAGE") or kind not in ("BINTABLE", "A3DTABLE"):
            sizes = {key: value for key, value in sizes.items() if not key.startswith("Z")}
        elif "ZNAXIS" not in sizes:
            raise self._refused(index, "ZNAXIS is missing")
        sizes["GROUPS"] = int(logical.get(b"GROUPS", False) and sizes.get("NAXIS1") == 0)
        self._check_complete(sizes, index)
        return kind, sizes

    def _add_size(self, sizes, key, text, index):
        number = _WHOLE_NUMBER.fullmatch(text.rstrip())
        if number is None:
            found = text.split(b"/")[0].strip().decode("ascii", "replace")
            raise self._refused(index, f"{key} is {found!r}, no whole number")
        if sizes.setdefault(key, int(number[1])) != int(number[1]):
            raise self._refused(index, f"{key} is there twice, with other values")

    def _check_complete(self, sizes, index):
        for z in ("", "Z") if "ZNAXIS" in sizes else ("",):
            if sizes.get(f"{z}BITPIX") not in BITS:
                raise self._refused(index, f"{z}BITPIX is {sizes.get(f'{z}BITPIX', 'missing')}")
            n_axes = sizes.get(f"{z}NAXIS")
            if n_axes is None or not 0 <= n_axes <= 999:
                raise self._refused(index, f"{z}NAXIS is {'missing' if n_axes is None else n_axes}")
            for axis in range(1, n_axes + 1):
                length = sizes.get(f"{z}NAXIS{axis}")
                if length is None or length < 0:
                    found = "missing" if length is None else length
                    raise self._refused(index, f"{z}NAXIS{axis} is {found}")
        if not 0 <= sizes.get("TFIELDS", 0) <= MAX_COLUMNS:
            raise self._refused(index, f"TFIELDS is {sizes['TFIELDS']}")
        for key in ("PCOUNT", "GCOUNT"):
            if sizes.get(key, 1) < 0:
                raise self._refused(index, f"{key} is {sizes[key]}")

    def _check_pixels(self, kind, sizes, index):
        shape = plane_shape(HduSpan(index, 0, 0, 0, kind, sizes).image_shape)
        if shape and prod(shape) > self.limits.max_pixels:
            problem = f"{' x '.join(map(str, shape[::-1]))} pixels, more than files.max_pixels"
            raise self._refused(
                index,
                f"{problem} ({self.limits.max_pixels})",
                "Fetch it again, or raise files.max_pixels if it is that large",
            )

    def _skip(self, n_bytes, index):
        end = self.position + n_bytes
        if self.stream.seekable() and not hasattr(self.stream, "fileobj"):  # no gzip
            size = self.stream.seek(0, 2)
            self.position = self.stream.seek(min(end, size))
        else:
            while self.position < end and self._read(min(AT_ONCE, end - self.position)):
                pass
        if self.position < end:
            problem = f"truncated: {self.position} bytes, where HDU {index} alone ends at {end}"
            raise self._refused(index, problem)

    def _refused(self, index, problem, advice=FETCH_AGAIN):
        return InputFileError(self.path, problem, advice, hdu=index)


def plane_shape(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """ny, nx of the one plane of an image of shape ..., ny, nx; None if it has none, or more.

    Some programs write a third axis, of colour or time, of length 1.
    """
    *others, ny, nx = shape if len(shape) >= 2 else (0, 0)
    return (ny, nx) if ny and nx and set(others) <= {1} else None


def _n_bytes(sizes):
    """The bytes of an HDU's data: |BITPIX| / 8 x GCOUNT x (PCOUNT + product of axes)."""
    axes = [sizes[f"NAXIS{axis}"] for axis in range(1, sizes["NAXIS"] + 1)]
    if not axes:
        return 0
    if sizes["GROUPS"]:
        axes = axes[1:]
    groups = sizes.get("GCOUNT", 1) * (sizes.get("PCOUNT", 0) + prod(axes))
    return abs(sizes["BITPIX"]) // 8 * groups


def raw_bytes(stream, start: int, end: int) -> bytes:
    """The bytes of a stream between two known offsets."""
    stream.seek(start)
    return stream.read(end - start)
