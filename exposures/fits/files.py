"""FITS files opened, checked and read, with errors that say which HDU and what to do."""

import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.io.fits.hdu.compressed._compression import CfitsioException
from astropy.utils.exceptions import AstropyWarning

from exposures.errors import InputFileError
from exposures.fits.cards import Cards, celestial_wcs
from exposures.science.angles import wrap_ra

FETCH_AGAIN = "Fetch it again; its size or checksum will differ from the archive's"
# A code of a mask that no convention uses: a bit by itself, and beyond every enumeration.
SENSELESS = 1 << 30
# What astropy raises where a file ends too early or a tile can't be decompressed.
READ_ERRORS = (OSError, ValueError, TypeError, EOFError, zlib.error, CfitsioException)


@dataclass(frozen=True)
class ImageHdu:
    """A two-dimensional image in a file, before its pixels are read."""

    index: int
    name: str  # EXTNAME; "" where there is none
    shape: tuple[int, int]  # ny, nx
    cards: Cards  # of this HDU alone
    hdu: object

    @property
    def label(self) -> str:
        """For messages: the name, or the number."""
        return self.name or str(self.index)


@dataclass(frozen=True)
class ImageFile:
    """An open FITS file's primary header and its images."""

    path: Path
    primary: Cards
    images: tuple[ImageHdu, ...]

    def named(self, name: str) -> ImageHdu | None:
        """The image of that EXTNAME: the order of HDUs differs between siblings."""
        return next((image for image in self.images if image.name == name), None)


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


@contextmanager
def quiet():
    """Keep astropy's remarks on illegal cards and truncation from the user; we check ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextmanager
def open_images(path: Path):
    """An ImageFile, checked to be whole."""
    path = Path(path)
    _check_is_fits(path)
    with quiet():
        try:
            hdus = fits.open(path, memmap=False)
        except READ_ERRORS as error:
            raise InputFileError(path, f"not readable as FITS ({error})", FETCH_AGAIN) from error
        with hdus:
            try:
                n_hdus = len(hdus)
            except READ_ERRORS as error:
                raise InputFileError(path, f"a header is broken ({error})", FETCH_AGAIN) from error
            _check_is_whole(path, hdus)
            images = [_image(hdus[index], index) for index in range(n_hdus)]
            yield ImageFile(path, Cards(path, 0, hdus[0].header), tuple(filter(None, images)))


def read_pixels(path: Path, image: ImageHdu, dtype=np.float32) -> np.ndarray:
    """(ny, nx) pixels in the machine's byte order."""
    try:
        with np.errstate(over="ignore"):  # a double that single precision can't hold is infinite
            return np.ascontiguousarray(image.hdu.data, dtype=dtype)
    except READ_ERRORS as error:
        raise _unreadable(path, image, error) from error


def read_codes(path: Path, image: ImageHdu, dtype=np.int32) -> np.ndarray:
    """(ny, nx) codes of a mask; what is no whole number of ``dtype`` becomes its SENSELESS."""
    try:
        stored = np.asarray(image.hdu.data)
    except READ_ERRORS as error:
        raise _unreadable(path, image, error) from error
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= np.dtype(dtype).itemsize // 2:
        return np.ascontiguousarray(stored, dtype=dtype)
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        sensible = (stored >= limits.min) & (stored <= limits.max)
        sensible &= stored == np.floor(stored)
    return np.where(sensible, stored, SENSELESS).astype(dtype)


def _unreadable(path, image, error):
    problem = f"the pixels can't be read ({error})"
    return InputFileError(path, problem, FETCH_AGAIN, hdu=image.label)


def _image(hdu, index):
    if not hdu.is_image or len(hdu.shape) != 2 or 0 in hdu.shape:
        return None
    cards = Cards(None, index, hdu.header)
    name = cards.text("EXTNAME")
    # The first is what fpack, the second what astropy calls a nameless image.
    if name.upper() in ("COMPRESSED_IMAGE", "PRIMARY"):
        name = ""
    return ImageHdu(index, name, hdu.shape, cards, hdu)


def _check_is_fits(path):
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except FileNotFoundError:
        raise InputFileError(path, "there is no such file", "Check the path") from None
    except IsADirectoryError:
        raise InputFileError(
            path, "this is a folder", f"Name the images in it, such as {path}/*_ooi_*.fits*"
        ) from None
    except OSError as error:
        raise InputFileError(
            path, f"can't be opened ({error.strerror})", "Check its permissions and disk"
        ) from error
    if not start:
        raise InputFileError(path, "the file is empty", FETCH_AGAIN)
    if not start.startswith((b"SIMPLE  =", b"\x1f\x8b")):
        kind = "a web page, " if start.lstrip()[:1] == b"<" else ""
        raise InputFileError(
            path,
            f"{kind}not a FITS file",
            "Fetch the FITS file itself; an archive answers with a page where a link has expired",
        )


def _check_is_whole(path, hdus):
    """Every HDU must end within the file, and nothing that begins as an HDU may follow the last."""
    if path.suffix == ".gz":
        return  # the size is that of the compressed file; reading will tell
    size = path.stat().st_size
    end = 0
    for index, hdu in enumerate(hdus):
        info = hdu.fileinfo()
        end = info["datLoc"] + info["datSpan"]
        if end > size:
            problem = f"truncated: {size} bytes, where HDU {index} alone ends at {end}"
            raise InputFileError(path, problem, FETCH_AGAIN, hdu=index)
    with open(path, "rb") as file:
        file.seek(end)
        if file.read(8) == b"XTENSION":
            problem = f"truncated: the header of HDU {len(hdus)} breaks off"
            raise InputFileError(path, problem, FETCH_AGAIN, hdu=len(hdus))


@contextmanager
def open_table(path: Path):
    """The records of the first table in a FITS file; columns by name, read when touched."""
    path = Path(path)
    _check_is_fits(path)
    with quiet():
        try:
            hdus = fits.open(path, memmap=True)
        except READ_ERRORS as error:
            raise InputFileError(path, f"not readable as FITS ({error})", FETCH_AGAIN) from error
        with hdus:
            _check_is_whole(path, hdus)
            table = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)), None)
            if table is None:
                raise InputFileError(path, "no table in it", "Name a FITS file with a table")
            yield table.data
