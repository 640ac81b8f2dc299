"""FITS files opened, checked and read, with errors that say which HDU and what to do."""

import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.errors import InputFileError
from exposures.fits.boundary import FETCH_AGAIN, in_words, reading
from exposures.fits.cards import Cards, celestial_wcs
from exposures.fits.checksums import check_sums
from exposures.fits.limits import limits_in_force
from exposures.fits.parts import hdu_alone
from exposures.fits.plain_files import check_is_fits, conversion, open_plain, unfolded
from exposures.fits.recent import Recent
from exposures.fits.rice_rows import rice_rows
from exposures.fits.structure import REMEMBERED, HduSpan, plane_shape, raw_bytes, structure_of
from exposures.fits.tiles import TiledImage, check_tiles
from exposures.science.angles import wrap_ra

# A code of a mask that no convention uses: a bit by itself, and beyond every enumeration.
SENSELESS = 1 << 30
IMAGES, TABLE = (fits.PrimaryHDU, fits.ImageHDU), fits.BinTableHDU
SHOWN = 4  # axes of an image, or images, in a message
PLANES = "Write each plane as an image of two dimensions, with its own time and exposure time"


@dataclass(frozen=True)
class OpenFile:
    """An open FITS file whose HDUs were checked against its size and the limits."""

    hdus: fits.HDUList
    spans: tuple[HduSpan, ...]  # where each of them lies
    stream: object  # of the file's bytes, within gzip where it is gzipped
    key: tuple  # another where the file or the limits have changed


@dataclass(frozen=True)
class ImageHdu:
    """A two-dimensional image in a file, before its pixels are read."""

    index: int
    name: str  # EXTNAME; "" if there is none
    shape: tuple[int, int]  # ny, nx
    span: HduSpan  # where it lies in its stream
    stream: object
    load: Callable[[], object] = field(repr=False)  # reads its header, while the file is open

    @cached_property
    def hdu(self):
        """The HDU as astropy has it."""
        return self.load()

    @cached_property
    def cards(self) -> Cards:
        """The cards of this HDU alone."""
        return Cards(None, self.index, self.hdu.header)

    @property
    def label(self) -> str:
        """The HDU's name or number, for messages."""
        return self.name or str(self.index)


@dataclass(frozen=True)
class ImageFile:
    """An open FITS file's primary header and its images."""

    path: Path
    primary: Cards
    images: tuple[ImageHdu, ...]
    stream: object  # of its bytes, in which the spans of images are
    others: tuple[str, ...] = ()  # images without a plane of pixels, and what they have instead

    def named(self, name: str) -> ImageHdu | None:
        """The image with this EXTNAME, as the order of HDUs differs between siblings."""
        return next((image for image in self.images if image.name == name), None)

    def no_image(self, advice: str) -> InputFileError:
        """The error that the file has no image, naming those not of two dimensions."""
        if not self.others:
            return InputFileError(self.path, "no image HDU", advice)
        there = "; ".join(self.others[:SHOWN]) + "; ..." * (len(self.others) > SHOWN)
        problem = f"no image HDU that is a single plane of pixels: {there}"
        return InputFileError(self.path, problem, PLANES)


def first_centre(file: ImageFile) -> tuple[float, float]:
    """Right ascension and declination of the middle of the first image that has a WCS, degrees.

    Raises the first image's error where none has; one among others fails when it is read.
    """
    errors = []
    for image in file.images:
        try:
            wcs = celestial_wcs(file.path, image.label, image.cards)
        except InputFileError as error:
            errors.append(error)
            continue
        ny, nx = image.shape
        ra, dec = wcs.all_pix2world([(nx - 1) / 2], [(ny - 1) / 2], 0)
        return wrap_ra(float(ra[0])), float(dec[0])
    raise errors[0]


@dataclass(frozen=True)
class _Contents:
    """The images that a file was found to have."""

    planes: tuple[tuple[int, str, tuple[int, int]], ...]  # index, name and shape of each HDU
    others: tuple[str, ...]  # images without a plane of pixels, and what they have instead


_contents: Recent[_Contents] = Recent(REMEMBERED)


@contextmanager
def open_hdus(path: Path, is_table=False, **how):
    """An OpenFile of a plain file, gzipped or not; ``how`` is what astropy opens it with.

    Where a table is wanted, the error for one of another format says how to convert it.

    Raises InputFileError if the file isn't FITS, is cut short or asks for more than the limits,
    and for whatever goes wrong with it while it is open.
    """
    with _opened(path, is_table, how) as file:
        _check_agreement(path, file.hdus, file.spans)
        yield file


@contextmanager
def _opened(path, is_table, how):
    """An OpenFile of which the first HDU alone is read."""
    with reading(path), open_plain(path) as file, unfolded(file) as stream:
        with reading(path, "not readable as FITS"):
            check_is_fits(path, stream, is_table)
            stamp, limits = _stamp(file), limits_in_force()
            spans = structure_of(path, stamp, stream, limits)
            stream.seek(0)
            hdus = fits.open(stream, **how)
        with hdus:
            yield OpenFile(hdus, spans, stream, (str(path), stamp, limits))


@contextmanager
def open_images(path: Path):
    """An ImageFile, checked to be whole; headers that are not asked for are read once alone.

    Each chip of an exposure opens its files several times, and they have some sixty HDUs.
    """
    path, how = Path(path), {"memmap": False}
    with _opened(path, False, how) as file:
        primary, first = Cards(path, 0, file.hdus[0].header), file.spans[0]
        are_read = file.key not in _contents  # all of its headers, in the next line
        contents = _contents.get(file.key, lambda: _contents_of(path, file))
        if first.data == first.end:  # else it is read as an image, or not at all
            check_sums(path, 0, primary, first, file.stream, limits_in_force().checksums)
        images = []
        for index, name, shape in contents.planes:
            load = partial(file.hdus.__getitem__, index)
            if index > 0 and not are_read:
                load = partial(hdu_alone, file.stream, file.spans, index, **how)
            images.append(ImageHdu(index, name, shape, file.spans[index], file.stream, load))
        yield ImageFile(path, primary, tuple(images), file.stream, contents.others)


def _contents_of(path, file):
    _check_agreement(path, file.hdus, file.spans)
    planes = filter(None, (_plane(index, hdu) for index, hdu in enumerate(file.hdus)))
    others = filter(None, (_without_plane(path, *one) for one in enumerate(file.hdus)))
    return _Contents(tuple(planes), tuple(others))


def read_pixels(path: Path, image: ImageHdu, dtype=np.float32) -> np.ndarray:
    """(ny, nx) pixels in the machine's byte order."""
    stored = stored_pixels(path, image)
    with np.errstate(over="ignore"):  # a double that single precision can't hold is infinite
        return np.ascontiguousarray(stored, dtype=dtype)


def read_codes(path: Path, image: ImageHdu, dtype=np.int32) -> np.ndarray:
    """(ny, nx) codes of a mask; SENSELESS for values that are no integers of ``dtype``."""
    stored = stored_pixels(path, image)
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= np.dtype(dtype).itemsize // 2:
        return np.ascontiguousarray(stored, dtype=dtype)
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        sensible = (stored >= limits.min) & (stored <= limits.max)
        sensible &= stored == np.floor(stored)
    return np.where(sensible, stored, SENSELESS).astype(dtype)


def stored_pixels(path, image):
    """(ny, nx) pixels as astropy reads them, after checks of sums and tiles."""
    span, stream = image.span, image.stream
    is_compressed = span.index > 0 and span.kind != "IMAGE"
    with reading(path, "the pixels can't be read", hdu=image.label):
        header = image.cards.header
        if is_compressed:  # astropy shows that of the image, not of the table that it lies in
            header = fits.Header.fromstring(raw_bytes(stream, span.start, span.data))
        cards = Cards(path, image.index, header)
        check_sums(path, image.label, cards, span, stream, limits_in_force().checksums)
        if is_compressed:
            data = np.frombuffer(raw_bytes(stream, span.data, span.end), np.uint8)
            rows = image.hdu.compressed_data
            tiled = TiledImage(path, image.label, header, rows, data)
            pixels = rice_rows(tiled, check_tiles(tiled))
            if pixels is not None:
                return pixels.reshape(image.shape)
        blank = cards.number("BLANK", "ZBLANK") + cards.number("BZERO")
        return _without_blank(np.asarray(image.hdu.data).reshape(image.shape), blank)


def _without_blank(pixels, blank):
    """Pixels with NaN for BLANK, which astropy ignores for unsigned integers.

    ``blank`` is on their scale; NaN where the header has none.
    """
    if pixels.dtype.kind not in "iu" or np.isnan(blank):
        return pixels
    undefined = pixels == int(blank)
    return np.where(undefined, np.nan, pixels) if undefined.any() else pixels


def _plane(index, hdu):
    """Index, name and shape of an HDU; None if it isn't an image of two dimensions."""
    shape = plane_shape(hdu.shape) if isinstance(hdu, IMAGES) else None
    return None if shape is None else (index, _name(Cards(None, index, hdu.header)), shape)


def _name(cards):
    """EXTNAME; "" for what fpack (the first) and astropy (the second) call a nameless image."""
    name = cards.text("EXTNAME")
    return "" if name.upper() in ("COMPRESSED_IMAGE", "PRIMARY") else name


def _without_plane(path, index, hdu):
    """The dimensions of an image that isn't a plane, in words; "" for a plane or no image."""
    if not isinstance(hdu, IMAGES) or not hdu.shape or plane_shape(hdu.shape):
        return ""
    axes, size = len(hdu.shape), " x ".join(map(str, hdu.shape[: -SHOWN - 1 : -1]))
    size += " x ..." * (axes > SHOWN)
    label = _name(Cards(path, index, hdu.header)) or f"HDU {index}"
    return f"{label} has {axes} dimension{'s' * (axes != 1)} ({size} pixels)"


def _stamp(file):
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _check_agreement(path, hdus, spans):
    """Check that astropy finds the same HDUs as were checked against the limits."""
    for index, span in enumerate(spans):
        try:
            with reading(path):
                info = hdus[index].fileinfo()
                is_there = (info["hdrLoc"], info["datLoc"]) == (span.start, span.data)
                is_there &= info["datLoc"] + info["datSpan"] == span.end
                if is_there and isinstance(hdus[index], IMAGES):
                    is_there = tuple(hdus[index].shape) == span.image_shape
        except InputFileError as error:
            cause = in_words(error.__cause__ or error)
            raise _broken(path, index, f"a header is broken ({cause})") from error
        if not is_there:
            raise _broken(path, index, "a header is broken: its size can be read in two ways")


def _broken(path, index, problem):
    return InputFileError(path, problem, FETCH_AGAIN, hdu=index)


@contextmanager
def open_table(path: Path):
    """The records of the first table in a FITS file; columns by name, read when touched."""
    path = Path(path)
    with open_hdus(path, is_table=True, memmap=True) as file:
        index = next((i for i, hdu in enumerate(file.hdus) if isinstance(hdu, TABLE)), None)
        if index is None:
            raise _no_table(path, file.hdus)
        hdu, span = file.hdus[index], file.spans[index]
        cards = Cards(path, index, hdu.header)
        check_sums(path, index, cards, span, file.stream, limits_in_force().checksums)
        yield hdu.data


def _no_table(path, hdus):
    if any(isinstance(hdu, fits.TableHDU) for hdu in hdus):
        problem = "its table is one of text (XTENSION = 'TABLE'), not a binary one"
        return InputFileError(path, problem, conversion(path, "fits"))
    return InputFileError(path, "no table in it", "Name a FITS file with a table")
