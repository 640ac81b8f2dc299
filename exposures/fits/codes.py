"""Data-quality codes of the DECam Community Pipeline, and their two meanings."""

import re

import numpy as np

from exposures.chip import MaskBit

# Up to here the codes are bits, from here on an enumeration.
FIRST_ENUMERATED = (3, 5)
ROWS = 64  # of a mask that are translated at once

# Code 7 marks what differs from other exposures: that is what we look for, so it masks nothing;
# nor does its forerunner, the bit 128.
ENUMERATION = {
    0: MaskBit(0),
    1: MaskBit.BAD,
    2: MaskBit.NO_VALUE,
    3: MaskBit.SATURATED,
    4: MaskBit.BLEED,
    5: MaskBit.COSMIC_RAY,
    6: MaskBit.LOW_WEIGHT,
    7: MaskBit(0),
    8: MaskBit.STREAK,
}
# An interpolated pixel (4) says nothing of its own.
BITS = {
    1: MaskBit.BAD,
    2: MaskBit.SATURATED,
    4: MaskBit.BAD,
    16: MaskBit.COSMIC_RAY,
    64: MaskBit.BLEED,
    128: MaskBit(0),
}


# A version by its V, or a number alone; what is built on or beside it says nothing of the codes.
_VERSION = re.compile(r"(?<![A-Za-z0-9.])[vV][ .]?(\d{1,6}(?:\.\d{1,6})*)")
_BARE_VERSION = re.compile(r"(\d{1,2}(?:\.\d{1,6})*)([+a-zA-Z-].*)?")


def version_numbers(plver: str) -> tuple[int, ...]:
    """A pipeline version as numbers: (3, 12) of "V3.12", (4, 8, 2) of "DES V4.8.2a".

    What follows the numbers, as in "V4.1.0+1", "V5.3LS9" and "V5.0b1", tells builds of one
    version apart. Tuples compare as versions do; the text "V3.12" would sort before "V3.5".
    Raises ValueError if there is no number.
    """
    text = str(plver).strip()
    match = _VERSION.search(text) or _BARE_VERSION.fullmatch(text)
    if match is None:
        raise ValueError(f"no version number in {plver!r}")
    return tuple(int(part) for part in match.group(1).split("."))


def translate(codes: np.ndarray, plver: str) -> np.ndarray:
    """MaskBit (uint8) of an array of codes written by pipeline version ``plver``.

    A code or bit that is not in the tables is BAD.
    """
    if version_numbers(plver) >= FIRST_ENUMERATED:
        return _translate_enumeration(codes)
    return _translate_bits(codes)


def known_codes(codes: np.ndarray, plver: str) -> np.ndarray:
    """Which of an array of codes are in the tables of pipeline version ``plver``; bool."""
    if version_numbers(plver) >= FIRST_ENUMERATED:
        return np.isin(codes, list(ENUMERATION))
    return (codes & ~sum(BITS)) == 0


def saturated(codes: np.ndarray, where: np.ndarray, plver: str) -> np.ndarray:
    """``codes`` with the pixels in ``where`` marked as saturated."""
    if version_numbers(plver) >= FIRST_ENUMERATED:
        return np.where(where, _code_of(ENUMERATION, MaskBit.SATURATED), codes)
    return np.where(where, codes | _code_of(BITS, MaskBit.SATURATED), codes)


def _code_of(table, meaning):
    return next(code for code, bits in table.items() if bits == meaning)


def _translate_enumeration(codes):
    table = np.full(max(ENUMERATION) + 2, MaskBit.BAD, np.uint8)  # the last: anything else
    for code, bits in ENUMERATION.items():
        table[code] = bits
    last = len(table) - 1
    mask = np.empty(codes.shape, np.uint8)
    # By some rows at once, which stay in the processor's cache.
    for start in range(0, len(codes), ROWS):
        some = codes[start : start + ROWS]
        mask[start : start + ROWS] = table[np.where((some >= 0) & (some < last), some, last)]
    return mask


def _translate_bits(codes):
    mask = np.zeros(codes.shape, np.uint8)
    for bit, meaning in BITS.items():
        mask[(codes & bit) != 0] |= np.uint8(meaning)
    mask[(codes & ~sum(BITS)) != 0] |= np.uint8(MaskBit.BAD)
    return mask
