"""The files of a chip, and their identity beyond the name."""

import hashlib
from functools import lru_cache
from pathlib import Path

from exposures.errors import InputFileError
from exposures.fits import decam
from exposures.fits.boundary import reading
from exposures.fits.files import open_images
from exposures.fits.plain_files import open_plain

DIGEST_BYTES = 16
AT_ONCE = 1 << 20  # bytes read


def source_paths(path: Path) -> dict[str, Path]:
    """The files of the chips of an image file by what they hold: image, weight and mask.

    A plain image has no siblings. Raises InputFileError if one of a triplet is missing.
    """
    path = Path(path)
    return decam.triplet_paths(path) if decam.is_sibling_name(path) else {"image": path}


def file_stamp(path: Path) -> dict:
    """Size in bytes and times in ns, which stay the same while the file does.

    The time of the inode's last change too, as copies are often given the time of the original.
    """
    status = Path(path).stat()
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
    }


def chip_digest(path: Path, name: str) -> str:
    """A hexadecimal digest of the stored bytes of one chip in a file.

    Of a file of a triplet the headers that are for all chips, and the chip's own HDU, so that
    each chip reads its own part of some hundred megabytes; of a plain image, of whose HDUs any
    may be a weight or a mask, the whole file. Raises InputFileError.
    """
    path = Path(path)
    if not decam.is_sibling_name(path):
        with reading(path, advice="Check its permissions and disk"):
            return _whole_digest(path, *file_stamp(path).values())
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with open_images(path) as file:
        for start, end in _parts(file, name):
            file.stream.seek(start)
            _feed(digest, file.stream, end - start)
    return digest.hexdigest()


def archive_version(path: Path) -> str:
    """The archive's version of an exposure in a file's name: "v1", "ls9", or ""."""
    return decam.version_in_name(Path(path))


def _parts(file, name):
    """(start, end) in bytes of what one chip has in a file of a triplet."""
    image = file.named(name)
    if image is None:
        raise InputFileError(file.path, f"it has no chip {name}", "Restore the file as it was")
    return (0, file.images[0].span.data), (image.span.start, image.span.end)


@lru_cache(maxsize=64)  # each chip of a file asks for it
def _whole_digest(path, *_stamp):
    with open_plain(path) as file:
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        while block := file.read(AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _feed(digest, file, n_bytes):
    while n_bytes > 0:
        block = file.read(min(n_bytes, AT_ONCE))
        if not block:
            raise EOFError("it ends too early")
        digest.update(block)
        n_bytes -= len(block)
