"""One chip of an exposure written as a file of its own, with other pixels and its own header."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from exposures.chip import Chip, ChipEntry, ExposureFacts, MaskBit
from exposures.errors import GalprojectError
from exposures.fits import codes, plain
from exposures.fits.cards import in_ascii
from exposures.fits.files import open_images, quiet, read_pixels
from exposures.fits.options import InputOptions


def write_chip(
    facts: ExposureFacts, entry: ChipEntry, chip: Chip, folder: Path, options: InputOptions
) -> Path:
    """Write ``chip``, read before from ``facts`` and changed since, so that it can be read again.

    Headers stay as they are, illegal cards too. A DECam chip gets its three files, in which
    newly saturated pixels have their code; of a plain image weight and mask are made again when
    it is read. Each file appears under its name when it is whole. Returns the path of the image;
    raises GalprojectError where it can't be written.
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
    _write_like(facts.image_path, entry.name, chip.data, path)
    weight_path = folder / f"{plain.stem(facts.weight_path)}.fits"
    _write_like(facts.weight_path, entry.name, chip.weight, weight_path)
    with open_images(facts.mask_path) as file:
        quality = read_pixels(file.path, file.named(entry.name), np.int32)
    if quality.shape != chip.shape:  # some keep the outermost pixel all round
        quality = quality[1:-1, 1:-1]
    before = codes.translate(quality, facts.pipeline_version)
    is_new = (chip.mask & ~before & np.uint8(MaskBit.SATURATED)) != 0
    quality = codes.saturated(quality, is_new, facts.pipeline_version)
    _write_like(facts.mask_path, entry.name, quality.astype("i2"), mask_path)
    return path


def _write_plain(facts, entry, chip, folder, options):
    # Its chips are numbered by their place in the file, so that each file is an exposure.
    suffix = f"_{entry.name}" if len(facts.chips) > 1 else ""
    path = folder / f"{plain.stem(facts.image_path)}{suffix}.fits"
    with open_images(facts.image_path) as file:
        image = next(i for i in file.images if i.index == entry.hdu)
        raw = read_pixels(file.path, image)
        is_whole = image.hdu.data.dtype.kind in "iu"
        sky = plain.sky_level_and_noise(raw)
        detector = plain.detector_of(raw, sky, (image.cards, file.primary), options)
    has_value = (chip.mask & np.uint8(MaskBit.NO_VALUE)) == 0
    pixels = np.where(has_value, chip.data + np.float32(detector.pedestal), raw)
    if is_whole:  # as the converter rounded them; what is saturated must not fall below its limit
        full = (chip.mask & np.uint8(MaskBit.SATURATED)) != 0
        pixels = np.where(full, np.ceil(pixels), np.rint(pixels)).astype("i4")
    _write_like(facts.image_path, entry.hdu, pixels, path)
    return path


def _write_like(source, chip, pixels, path):
    """Write a primary header and one HDU, found by name or number, with other pixels."""
    partial = path.with_name(f"writing.{path.name}")
    with quiet(), open_images(source) as file:
        image = next(i for i in file.images if chip in (i.name, i.index))
        primary = fits.PrimaryHDU(header=_without_pixels(file.primary.header))
        hdu = fits.ImageHDU(pixels, header=_without_pixels(image.cards.header))
        fits.HDUList([primary, hdu]).writeto(partial, overwrite=True, output_verify="ignore")
    partial.rename(path)


def _without_pixels(header):
    """A header without what says how its pixels were stored."""
    header = in_ascii(header)
    for key in ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "NAXIS1", "NAXIS2"):
        while key in header:
            del header[key]
    return header
