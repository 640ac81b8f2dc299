"""Ways in which a file can be bad: each takes a random generator and a path, and harms the file.

What a damage does follows from the generator alone, so that a case can be made again.
"""

import gzip
import os
import shutil
from contextlib import suppress

import numpy as np
from astropy.io import fits

BLOCK, CARD = 2880, 80
# Values that break what reads them without looking.
HOSTILE = (
    *("", "'XXX     '", "''", "'", "T", "F", "1E400", "-1E400", "1E-400", "NaN", "'NaN     '"),
    *("-1", "0", "1", "2", "3", "1.5", "32767", "-32768", "2147483647", "2147483648", "4294967297"),
    *(
        "-200000000",
        "9999999999999999999",
        "(1,2)",
        "1E15",
        "1E30",
        "-1E30",
        "1D300",
        "'INF'",
        "0x7F",
    ),
    *("'\x1b[31m'", "'A / B", "= 5", "/ only a comment", "'" + "x" * 60 + "'", "\xff\xfe", "1_000"),
)
STRUCTURE = (
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS"),
    *("ZIMAGE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2", "ZCMPTYPE", "ZVAL1"),
    *("ZVAL2", "ZNAME1", "ZNAME2", "ZQUANTIZ", "ZDITHER0", "ZBLANK", "THEAP", "TFORM1", "TTYPE1"),
    *("TFORM2", "TTYPE2", "TTYPE3", "TFORM3", "BSCALE", "BZERO", "BLANK", "END", "EXTNAME"),
)


def headers_of(raw):
    """(start, end) of each header in the bytes of a file, by its blocks."""
    found, place = [], 0
    while 0 <= place < len(raw):
        end = place
        while end < len(raw):
            cards = [raw[i : i + CARD].rstrip() for i in range(end, end + BLOCK, CARD)]
            end += BLOCK
            if b"END" in cards:
                break
        found.append((place, end))
        place = raw.find(b"XTENSION", end)
    return found


def _card_places(raw, rng, wanted=None):
    """Places of the cards of a header, chosen at random, or of those with one of the keys."""
    start, end = headers_of(raw)[rng.integers(len(headers_of(raw)))]
    places = [p for p in range(start, end, CARD) if raw[p : p + CARD].strip()]
    if wanted:
        keyed = [p for p in places if raw[p : p + 8].decode("latin-1").strip() in wanted]
        return keyed or places
    return places


def _written(text, key):
    return f"{key:8s}= {text:>20s}".encode("latin-1")[:CARD].ljust(CARD)


def hostile_value(rng, path):
    """Another value of a card, of any kind."""
    _set_value(rng, path, None)


def hostile_structure(rng, path):
    """Another value of a card that says how the file is built."""
    _set_value(rng, path, STRUCTURE)


def _set_value(rng, path, wanted):
    raw = bytearray(path.read_bytes())
    places = _card_places(raw, rng, wanted)
    place = places[rng.integers(len(places))]
    key = raw[place : place + 8].decode("latin-1").strip()
    raw[place : place + CARD] = _written(HOSTILE[rng.integers(len(HOSTILE))], key)
    path.write_bytes(raw)


def delete_card(rng, path):
    """A card of the structure or any other becomes a remark."""
    raw = bytearray(path.read_bytes())
    places = _card_places(raw, rng, STRUCTURE if rng.random() < 0.5 else None)
    place = places[rng.integers(len(places))]
    raw[place : place + 8] = b"COMMENT "
    path.write_bytes(raw)


def double_card(rng, path):
    """A card stands in the place of another."""
    raw = bytearray(path.read_bytes())
    places = _card_places(raw, rng)
    one, other = (places[rng.integers(len(places))] for _ in range(2))
    raw[one : one + CARD] = raw[other : other + CARD]
    if rng.random() < 0.5:
        raw[one + 29 : one + 30] = b"7"
    path.write_bytes(raw)


def exchange_cards(rng, path):
    """Two cards of a header change places."""
    raw = bytearray(path.read_bytes())
    places = _card_places(raw, rng)
    one, other = (places[rng.integers(len(places))] for _ in range(2))
    raw[one : one + CARD], raw[other : other + CARD] = (
        raw[other : other + CARD],
        raw[one : one + CARD],
    )
    path.write_bytes(raw)


def flip_header_bits(rng, path):
    """Bits of a header."""
    raw = bytearray(path.read_bytes())
    start, end = headers_of(raw)[rng.integers(len(headers_of(raw)))]
    for _ in range(rng.integers(1, 4)):
        raw[min(int(rng.integers(start, end)), len(raw) - 1)] ^= 1 << int(rng.integers(8))
    path.write_bytes(raw)


def flip_any_bits(rng, path):
    """Bits anywhere, which mostly are those of the data."""
    raw = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 9)):
        raw[rng.integers(len(raw))] ^= 1 << int(rng.integers(8))
    path.write_bytes(raw)


def overwrite(rng, path):
    """A piece of zeros, of ones, or of noise."""
    raw = bytearray(path.read_bytes())
    n = int(10 ** rng.uniform(1, 4.5))
    start = int(rng.integers(len(raw)))
    n = min(n, len(raw) - start)
    piece = (bytes(n), b"\xff" * n, rng.bytes(n))[rng.integers(3)]
    raw[start : start + n] = piece
    path.write_bytes(raw)


def truncate(rng, path):
    """It ends too early."""
    os.truncate(path, int(rng.integers(path.stat().st_size)))


def shift(rng, path):
    """A byte too many, or too few."""
    raw = path.read_bytes()
    place = int(rng.integers(len(raw)))
    path.write_bytes(raw[:place] + (b"x" if rng.random() < 0.5 else b"") + raw[place + 1 :])


def append(rng, path):
    """Something follows the last HDU."""
    more = (bytes(5000), b"XTENSION" + bytes(5000), rng.bytes(3000), path.read_bytes())
    with open(path, "ab") as file:
        file.write(more[rng.integers(len(more))])


def zero_descriptors(rng, path):
    """The table of a compressed image's tiles points elsewhere."""
    raw = bytearray(path.read_bytes())
    start = headers_of(raw)[-1][1]
    for _ in range(rng.integers(1, 4)):
        place = start + 4 * int(rng.integers(0, 400))
        value = (0, -1, 2**31 - 1, 10**6, 7)[rng.integers(5)]
        raw[place : place + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(raw)


def gzip_damaged(rng, path):
    """Gzipped under its own name, and a byte of that is another, or it is cut short."""
    packed = bytearray(gzip.compress(path.read_bytes(), 1))
    if rng.random() < 0.7:
        packed[rng.integers(len(packed))] ^= 1 << int(rng.integers(8))
    else:
        del packed[int(rng.integers(len(packed))) :]
    path.write_bytes(packed)


def bomb(rng, path):
    """A header that asks for gigabytes, and gzip or holes in the disk that seem to have them."""
    raw = path.read_bytes()
    n = 1 << int(rng.integers(31, 34))
    header = fits.Header(
        {"SIMPLE": True, "BITPIX": 8, "NAXIS": 2, "NAXIS1": 1 << 16, "NAXIS2": n >> 16}
    )
    start = header.tostring().encode()
    kind = rng.integers(3)
    if kind == 0:
        path.write_bytes(start)
        os.truncate(path, len(start) + n)
    elif kind == 1:
        piece = gzip.compress(bytes(1 << 22), 9)
        path.write_bytes(gzip.compress(start) + piece * (n >> 22))
    else:  # all that is good, and then zeros
        piece = gzip.compress(bytes(1 << 22), 9)
        path.write_bytes(gzip.compress(raw) + piece * (n >> 22))


def no_plain_file(rng, path):
    """A pipe, a device, a folder, a loop of links, or a link to nowhere has its name."""
    path.unlink()
    kind = rng.integers(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to("/dev/zero")
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        path.symlink_to(path)
    elif kind == 4:
        path.symlink_to("/nowhere/at/all")
    else:
        other = (b"", b"<html></html>", b"PK\x03\x04" + bytes(3000), b"BZh9")
        path.write_bytes(other[rng.integers(4)])


def exchange_kinds(rng, path):
    """Its sibling's content has its name."""
    letter = path.name[path.name.index("_oo") + 3]
    others = [k for k in "iwd" if k != letter]
    other = others[rng.integers(2)]
    shutil.copy(path.with_name(path.name.replace(f"_oo{letter}_", f"_oo{other}_")), path)


def exchange_hdus(rng, path):
    """The extensions stand in another order, one of them is missing, or is there twice."""
    with fits.open(path, memmap=False, disable_image_compression=True) as hdus:
        kind = rng.integers(3)
        if kind == 0:
            order = list(reversed(hdus[1:]))
        elif kind == 1:
            order = list(hdus[2:])
        else:
            order = [*hdus[1:], hdus[1]]
        fits.HDUList([hdus[0], *order]).writeto(path.with_name("x.fits"), output_verify="ignore")
    path.with_name("x.fits").replace(path)


def other_pixels(rng, path):
    """Pixels that no sky gives, in all of an image, half of it, or some."""
    with fits.open(path, memmap=False) as hdus:
        hdu = hdus[int(rng.integers(1, len(hdus)))]
        data = hdu.data.copy()
        where = (slice(None), slice(0, len(data) // 2), slice(7, 60))[rng.integers(3)]
        value = (np.nan, np.inf, -np.inf, 1e30, -1e30, 0, -1, 1e15, 70000)[rng.integers(9)]
        if data.dtype.kind in "iu":
            value = int(np.clip(np.nan_to_num(value), -(2**31), 2**31 - 1))
            value = int(np.clip(value, np.iinfo(data.dtype).min, np.iinfo(data.dtype).max))
        data[where] = value
        hdu.data = data
        with suppress(KeyError):
            del hdu.header["BLANK"]
        hdus.writeto(path, overwrite=True, output_verify="ignore")


def turned_pixels(rng, path):
    """The same pixels negated, scaled, or upside down: as another program would have written it."""
    with fits.open(path, memmap=False) as hdus:
        hdu = hdus[int(rng.integers(1, len(hdus)))]
        data = hdu.data
        kind = rng.integers(5)
        changed = (-data, data * 1000, data[::-1], data[:, ::-1], np.roll(data, 37, axis=0))[kind]
        hdu.data = np.ascontiguousarray(changed.astype(data.dtype))
        hdus.writeto(path, overwrite=True, output_verify="ignore")


# With how often each is chosen.
DAMAGES = {
    hostile_value: 6,
    hostile_structure: 6,
    delete_card: 3,
    double_card: 2,
    exchange_cards: 2,
    flip_header_bits: 4,
    flip_any_bits: 4,
    overwrite: 3,
    truncate: 3,
    shift: 2,
    append: 1,
    zero_descriptors: 2,
    gzip_damaged: 2,
    bomb: 1,
    no_plain_file: 2,
    exchange_kinds: 1,
    exchange_hdus: 1,
    other_pixels: 3,
    turned_pixels: 2,
}
# Of what nobody can tell from the file, where it has no sums: other pixels that could be as good.
OF_PIXELS = (flip_any_bits, overwrite, zero_descriptors, shift)
# Those that need a sibling or an image.
OF_TRIPLETS = (exchange_kinds, exchange_hdus, other_pixels, turned_pixels)


def chosen(rng):
    """One of the damages."""
    kinds, weights = list(DAMAGES), np.array(list(DAMAGES.values()), float)
    return kinds[rng.choice(len(kinds), p=weights / weights.sum())]
