"""FITS checksums: DATASUM of an HDU's data, CHECKSUM of the complete HDU.

Sums are in ones' complement of 32-bit words (FITS standard 4.0, appendix J): the sum of an HDU
with a right CHECKSUM is 0, which has two forms.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.errors import InputFileError

ALL_ONES = 0xFFFFFFFF
ZERO = 0, ALL_ONES
AT_ONCE = 1 << 22  # bytes
FETCH_OR_ACCEPT = (
    "Fetch it again; if it was edited by what doesn't write {key} anew, do that (astropy's "
    "fitscheck --write) or set files.checksums = {option}"
)


def sum_of(content: np.ndarray) -> int:
    """The ones' complement sum of bytes (n,), n a multiple of 4, as big-endian 32-bit words."""
    total = int(content.view(">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & ALL_ONES) + (total >> 32)
    return total


def sum_between(stream, start: int, end: int) -> int:
    """The sum of a stream's bytes between two offsets, read in pieces."""
    stream.seek(start)
    total = 0
    while start < end:
        content = stream.read(min(AT_ONCE, end - start))
        if len(content) % 4 or not content:
            raise EOFError("it ends too early")
        total = added(total, sum_of(np.frombuffer(content, np.uint8)))
        start += len(content)
    return total


def added(one: int, other: int) -> int:
    """The ones' complement sum of two such sums."""
    total = one + other
    return (total & ALL_ONES) + (total >> 32)


def add_sums(path: Path):
    """Give each HDU of a file that was just written its DATASUM and CHECKSUM.

    Compressed images as they lie in the file. No time is in the cards, so that the same file is the
    same bytes whenever it is written.
    """
    how = {"mode": "update", "disable_image_compression": True, "memmap": False}
    with fits.open(path, output_verify="ignore", **how) as hdus:
        for hdu in hdus:
            hdu.add_checksum(when="of this HDU as it was written")


def check_sums(path, label, cards, span, stream, which: str):
    """Raise InputFileError if an HDU doesn't match its checksums.

    ``cards`` are its Cards as they lie in the file, ``span`` is where it lies in the ``stream``;
    ``which`` is "all", "data" or "none", as of FileOptions. A sum that is absent or blank says
    nothing.
    """
    data_sum, check_sum = cards.text("DATASUM"), cards.text("CHECKSUM").strip("0")
    if which == "none" or not (data_sum or check_sum):
        return
    own = sum_between(stream, span.data, span.end)
    if data_sum and not _is(data_sum, own):
        raise InputFileError(
            path,
            f"its data are not those that were written: DATASUM is {data_sum}, they have {own}",
            FETCH_OR_ACCEPT.format(key="DATASUM", option='"none"'),
            hdu=label,
        )
    if which == "all" and check_sum:
        total = added(sum_between(stream, span.start, span.data), own)
        if total not in ZERO:
            raise InputFileError(
                path,
                "its header is not the one that was written: CHECKSUM is wrong",
                FETCH_OR_ACCEPT.format(key="CHECKSUM", option='"data"'),
                hdu=label,
            )


def _is(text, own):
    try:
        known = int(text)
    except ValueError:
        return False
    return known == own or {known, own} == set(ZERO)
