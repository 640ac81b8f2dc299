"""Plain FITS images with a WCS: weight and mask are read beside them, or made from the pixels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from exposures.chip import UNUSABLE, Amplifier, Chip, ChipEntry, ExposureFacts, MaskBit
from exposures.errors import InputFileError
from exposures.fits.cards import celestial_wcs, first_text, number_within
from exposures.fits.extensions import mask_of, science_images
from exposures.fits.files import first_centre, open_images, read_codes, read_pixels
from exposures.fits.headers import (
    camera_name,
    check_scale,
    exposure_seconds,
    filter_name,
    hints,
    is_combined,
)
from exposures.fits.noise import SkyLevel, given_weights
from exposures.fits.options import InputOptions
from exposures.fits.pixels import (
    without_impossible,
    without_impossible_weights,
    without_unusable,
)
from exposures.fits.times import exposure_time

INSTRUMENT = "plain"  # where the header names neither camera nor telescope
# Not DECam's own name: files are known by their names, its InstCal exposures by their numbers.
DECAM = "DECam, plain"


@dataclass(frozen=True)
class NoiseProperties:
    """The noise properties of a detector, and the zero level of its pixels."""

    gain: float  # e-/ADU
    read_noise: float  # e-
    saturation: float  # ADU, as in the file; infinite where unknown
    pedestal: float  # ADU
    least_variance: float  # ADU^2, of any pixel: half of what the sky has


def read_facts(path: Path, options: InputOptions) -> ExposureFacts:
    """Read the facts of a file in which every science image is a chip."""
    with open_images(path) as file:
        chips = _science_images(file)
        first = chips[0].image
        _check_is_no_instcal(file, first)
        headers = file.primary, first.cards
        seconds = exposure_seconds(path, options, *headers)
        time = exposure_time(path, seconds, *headers, limits=options.header)
        ra, dec = first_centre(replace(file, images=tuple(c.image for c in chips)))
        return ExposureFacts(
            instrument=_instrument(*headers),
            identifier=stem(path),
            image_path=path,
            weight_path=None,
            mask_path=None,
            filter=filter_name(path, options, *headers),
            mjd=time.mjd,
            exposure_seconds=seconds,
            object_name=first_text(("OBJECT",), *headers),
            proposal=first_text(("PROPID",), *headers),
            pipeline_version="",
            ra=ra,
            dec=dec,
            chips=tuple(
                ChipEntry(chip.name, number, chip.image.index)
                for number, chip in enumerate(chips, 1)
            ),
            time_resolution_seconds=time.resolution_seconds,
            is_combined=is_combined(*headers),
        )


def read_chip(facts: ExposureFacts, entry: ChipEntry, options: InputOptions) -> Chip:
    """Read one image, with its weight from the file's noise or else from a noise model."""
    path = facts.image_path
    with open_images(path) as file:
        found, unused = science_images(file)
        science = next((s for s in found if s.image.index == entry.hdu), None)
        if science is None:
            advice = "The file has changed: process it again"
            raise InputFileError(path, "the image is gone", advice, hdu=entry.hdu)
        image, headers = science.image, (science.image.cards, file.primary)
        data, mask = read_pixels(path, image), _given_mask(path, science, file.primary)
        noise = None if science.noise is None else read_pixels(path, science.noise)
        wcs = celestial_wcs(path, image.label, image.cards)
        check_scale(path, image, wcs, options.header)
    notes = [f"extensions: {', '.join(unused)} not used, of unknown meaning"] if unused else []
    usable = np.isfinite(data) & ((mask & np.uint8(UNUSABLE)) == 0)
    if not usable.any():
        why = (
            "its mask leaves none"
            if np.isfinite(data).any()
            else "none has a value (NaN, or BLANK)"
        )
        raise _nothing_usable(path, entry, why)
    sky = sky_level_and_noise(np.where(usable, data, np.nan))
    data, found = without_impossible(data, usable, sky.noise, options.limits)
    if not (usable & np.isfinite(data)).any():
        raise _nothing_usable(path, entry, "none has a value that a detector gives")
    believed = np.where(usable, data, np.nan)
    detector, said = detector_of(believed, sky, headers, options)
    notes += said
    weight = None
    if noise is not None:
        weight, detector, said = given_weights(science, believed, noise, sky, detector)
        notes += said
    saturated = np.isfinite(data) & (data >= detector.saturation)
    mask = np.where(saturated, mask | np.uint8(MaskBit.SATURATED), mask)
    data = data - np.float32(detector.pedestal)
    weight, said = without_impossible_weights(
        weights(data, detector) if weight is None else weight, options.limits
    )
    data, weight, mask = without_unusable(data, weight, mask)
    if not np.any(weight > 0):
        raise _nothing_usable(path, entry, "its noise or weights leave none")
    saturation, hint = detector.saturation - detector.pedestal, hints(options.header, *headers)
    return Chip(
        name=entry.name,
        ccdnum=entry.ccdnum,
        data=data,
        weight=weight,
        mask=mask,
        wcs=wcs,
        amplifiers=(Amplifier(0, data.shape[1], detector.gain, detector.read_noise, saturation),),
        fwhm_pixels=hint.fwhm_pixels,
        zero_point=hint.zero_point,
        path=path,
        hdu=entry.hdu,
        notes=(*notes, *hint.notes, *found, *said),
    )


def _given_mask(path, science, primary):
    """(ny, nx) MaskBit of all masks of a science image."""
    mask = np.zeros(science.image.shape, np.uint8)
    for image in science.masks:
        codes = read_codes(path, image, np.int64)
        mask |= mask_of(codes, image.cards, primary, science.image.cards)
    return mask


def weights(data, detector):
    """Inverse variance, ADU^-2: 1 / (data / gain + (read noise / gain)^2), as DECam's has it."""
    variance = np.maximum(data, 0) / detector.gain + (detector.read_noise / detector.gain) ** 2
    return (1 / np.maximum(variance, detector.least_variance)).astype(np.float32)


def detector_of(data, sky, headers, options) -> tuple[NoiseProperties, list[str]]:
    """Gain, read noise, saturation and zero level from header, options, or the pixels; and notes.

    ``sky`` is a SkyLevel; by the equation of ``weights`` its noise must be level / gain + (read
    noise / gain)^2. Where the gain is unknown, it is the one that makes it so without read noise.
    Where it is known and noise and level plainly disagree, the pixels have a zero level of their
    own (an offset left in, a sky taken off): the pedestal that reconciles them is subtracted, which
    changes no star's flux.
    """
    limits, level, noise = options.header, sky.level, sky.noise
    # EGAIN first: amateur cameras write a setting of the amplifier into GAIN.
    said, notes = number_within(limits.gain, ("EGAIN", "GAIN", "GAINA"), *headers)
    gain = _known(said, options.gain)
    keys = ("RDNOISE", "READNOIS", "RDNOISEA")
    said, more = number_within(limits.read_noise, keys, *headers)
    read_noise = _known(said, options.read_noise)
    saturation, of_saturation = saturation_level(data, sky, headers, options)
    notes, least = [*notes, *more, *of_saturation], noise**2 / 2
    if gain is None and level > 0:
        return NoiseProperties(level / noise**2, 0.0, saturation, 0.0, least), notes
    gain = 1.0 if gain is None else gain
    read_noise = min(read_noise, gain * noise)
    foretold = max(level, 0) / gain + (read_noise / gain) ** 2
    ratio = noise**2 / foretold if foretold > 0 else np.inf
    if 1 / options.noise_tolerance < ratio < options.noise_tolerance:
        return NoiseProperties(gain, read_noise, saturation, 0.0, least), notes
    true_level = gain * noise**2 - read_noise**2 / gain
    return NoiseProperties(gain, read_noise, saturation, level - true_level, least), notes


def sky_level_and_noise(data) -> SkyLevel:
    """Median, and the noise of a pixel from differences between neighbours, both in ADU.

    Differences along rows are blind to a gradient, and clipped at 3 sigma to most stars. A
    standard deviation, because quantiles of whole numbers are whole numbers themselves.
    """
    level = float(np.median(data[np.isfinite(data)]))
    differences = np.diff(data.astype(np.float64), axis=1)
    differences = differences[np.isfinite(differences)]
    if len(differences) == 0:
        return SkyLevel(level, 1.0)
    low, high = np.percentile(differences, [15.87, 84.13])
    sigma = (high - low) / 2
    for _ in range(5):
        kept = differences[np.abs(differences) <= 3 * max(sigma, 1e-9)]
        sigma = np.std(kept) / 0.9866  # what clipping takes off a Gaussian's
    return SkyLevel(level, float(max(sigma / np.sqrt(2), 1e-6 * abs(level), 1e-9)))


def saturation_level(data, sky, headers, options):
    """ADU at which pixels are no longer trusted: header, options, or where values pile up; notes.

    A converter that runs out writes the same largest value again and again; below it a detector
    bends, so ``linear_fraction`` of it is the limit. Infinite where nothing tells.
    """
    keys, limits = ("SATURATE", "SATLEVEL", "SATURATA"), options.header.saturation
    known, notes = number_within(limits, keys, *headers)
    known = _known(known, options.saturation)
    if known is not None and known > sky.level:  # below the sky it is in another unit
        return known, notes
    largest = np.max(data[np.isfinite(data)])
    piles_up = np.count_nonzero(data == largest) >= options.pile_up_pixels
    if piles_up and largest > sky.level + 10 * sky.noise:
        return float(options.linear_fraction * largest), notes
    return np.inf, notes


def _known(number, default):
    return number if np.isfinite(number) and number > 0 else default


def _science_images(file):
    if not file.images:
        raise file.no_image("Process a FITS file with a two-dimensional image")
    return science_images(file)[0]


def _check_is_no_instcal(file, first):
    """Raise InputFileError for a triplet's image whose name hides its weight and data quality."""
    headers = file.primary, first.cards
    kind = first_text(("INSTRUME",), *headers), first_text(("PROCTYPE",), *headers)
    if tuple(text.lower() for text in kind) == ("decam", "instcal"):
        raise InputFileError(
            file.path,
            "a DECam InstCal file whose name doesn't lead to its weight and data quality",
            "Name the three alike but for _ooi, _oow, _ood, as in c4d_170119_085651_ooi_r_v1.fits",
        )


def _instrument(*headers):
    name = camera_name(*headers) or INSTRUMENT
    return DECAM if name.lower() == "decam" else name


def _nothing_usable(path, entry, why):
    problem = f"all pixels are masked: {why}"
    return InputFileError(path, problem, "Leave this image out", hdu=entry.name)


def stem(path: Path) -> str:
    """The file's name without .fits and further suffixes."""
    name = path.name
    for suffix in (".fz", ".gz", ".fits", ".fit", ".fts"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name
