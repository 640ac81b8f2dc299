"""Writing of one chip with changed pixels as a file of its own."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.chip import Chip, ChipEntry, ExposureFacts, MaskBit
from exposures.errors import GalprojectError
from exposures.fits import codes, plain
from exposures.fits.boundary import quiet
from exposures.fits.cards import in_ascii
from exposures.fits.conventions import ExtensionKind
from exposures.fits.extensions import science_images
from exposures.fits.files import open_images, read_pixels
from exposures.fits.options import InputOptions
from exposures.whole_files import whole_file


def write_chip(
    facts: ExposureFacts, entry: ChipEntry, chip: Chip, folder: Path, options: InputOptions
) -> Path:
    """Write ``chip``, changed since it was read from ``facts``, as a readable file.

    Headers stay as they are, illegal cards too. A DECam chip gets its three files, in which
    newly saturated pixels have their code; of a plain image weight and mask are made again when
    it is read. Each file appears under its name when it is whole. Returns the path of the image;
    raises GalprojectError if it can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if facts.is_triplet:
            return _write_triplet(facts, entry, chip, folder)
        return _write_plain(facts, entry, chip, folder, options)
    except OSError as error:
        raise GalprojectError(
            f"{error.filename or folder}: {error.strerror or error}. "
            "Make room there, or set TMPDIR to a folder that has it"
        ) from error


def _write_triplet(facts, entry, chip, folder):
    path = folder / f"{plain.stem(facts.image_path)}.fits"
    mask_path = folder / f"{plain.stem(facts.mask_path)}.fits"
    _write_like(facts.image_path, [(entry.name, chip.data)], path)
    weight_path = folder / f"{plain.stem(facts.weight_path)}.fits"
    _write_like(facts.weight_path, [(entry.name, chip.weight)], weight_path)
    with open_images(facts.mask_path) as file:
        quality = read_pixels(file.path, file.named(entry.name), np.int32)
    if quality.shape != chip.shape:  # some keep the outermost pixel all round
        quality = quality[1:-1, 1:-1]
    before = codes.translate(quality, facts.pipeline_version)
    is_new = (chip.mask & ~before & np.uint8(MaskBit.SATURATED)) != 0
    quality = codes.saturated(quality, is_new, facts.pipeline_version)
    _write_like(facts.mask_path, [(entry.name, quality.astype("i2"))], mask_path)
    return path


def _write_plain(facts, entry, chip, folder, options):
    # Its chips are numbered by their place in the file, so that each file is an exposure.
    suffix = f"_{entry.name}" if len(facts.chips) > 1 else ""
    path = folder / f"{plain.stem(facts.image_path)}{suffix}.fits"
    before = plain.read_chip(facts, entry, options)
    with open_images(facts.image_path) as file:
        science = next(s for s in science_images(file)[0] if s.image.index == entry.hdu)
        raw = read_pixels(file.path, science.image)
        is_whole = science.image.hdu.data.dtype.kind in "iu"
        noise = science.noise and _noise_like(science.noise_kind, chip.weight)
        masks = [(mask.index, np.array(mask.hdu.data)) for mask in science.masks]
    pedestal = np.median((raw - before.data)[before.weight > 0])
    has_value = (chip.mask & np.uint8(MaskBit.NO_VALUE)) == 0
    pixels = np.where(has_value, chip.data + np.float32(pedestal), raw)
    if is_whole:  # as the converter rounded them; what is saturated must not fall below its limit
        full = (chip.mask & np.uint8(MaskBit.SATURATED)) != 0
        pixels = np.where(full, np.ceil(pixels), np.rint(pixels)).astype("i4")
    images = [(entry.hdu, pixels), *masks]
    if noise is not None:
        images.append((science.noise.index, noise))
    _write_like(facts.image_path, images, path)
    return path


def _noise_like(kind, weight):
    """(ny, nx) inverse variances converted to the kind of noise that a file holds."""
    if kind == ExtensionKind.WEIGHT:
        return weight
    variance = np.where(weight > 0, 1 / np.where(weight > 0, weight, 1), 0)
    return (np.sqrt(variance) if kind == ExtensionKind.ERROR else variance).astype(np.float32)


def _write_like(source, images, path):
    """Write a primary header and HDUs, found by name or number, with other pixels.

    ``images`` are pairs of name or number and pixels.
    """
    with quiet(), whole_file(path) as partial, open_images(source) as file:
        hdus = fits.HDUList([fits.PrimaryHDU(header=_without_pixels(file.primary.header))])
        for chip, pixels in images:
            image = next(i for i in file.images if chip in (i.name, i.index))
            hdus.append(fits.ImageHDU(pixels, header=_without_pixels(image.cards.header)))
        hdus.writeto(partial, overwrite=True, output_verify="ignore")


def _without_pixels(header):
    """A header without the cards that describe the storage of its pixels."""
    header = in_ascii(header)
    for key in ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "NAXIS1", "NAXIS2"):
        while key in header:
            del header[key]
    return header
