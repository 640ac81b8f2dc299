"""DECam InstCal exposures: an image (ooi), its weight (oow) and its data quality (ood)."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from exposures.chip import UNUSABLE, Amplifier, Chip, ChipEntry, ExposureFacts
from exposures.errors import InputFileError
from exposures.fits.cards import celestial_wcs, first_text, number_within, shown_values
from exposures.fits.codes import translate, version_numbers
from exposures.fits.files import first_centre, open_images, read_codes, read_pixels
from exposures.fits.headers import (
    camera_name,
    check_scale,
    exposure_seconds,
    filter_name,
    hints,
    is_combined,
)
from exposures.fits.options import InputOptions
from exposures.fits.pixels import (
    typical_noise,
    without_impossible,
    without_impossible_weights,
    without_unusable,
)
from exposures.fits.siblings import (
    KINDS,
    check_codes,
    check_is_same_exposure,
    check_product,
    check_weight,
    missing_chip,
    nothing_usable,
    sibling_image,
    trimmed,
)
from exposures.fits.times import exposure_time

INSTRUMENT = "decam"
# c4d_170119_085651_ooi_r_v1.fits.fz
_NAME = re.compile(
    r"(?P<before>.*_oo)(?P<kind>[iwd])(?P<after>(_.*?)?)(?P<suffix>\.fits(\.fz|\.gz)?)"
)
LETTERS = {"image": "i", "weight": "w", "mask": "d"}
_SUFFIXES = (".fits.fz", ".fits", ".fits.gz")
FULL_WIDTHS = (2046, 2048)
LAST_CCDNUM = 62
# Of the pipeline: its codes are the same. Files of other cameras are read as plain images.
CAMERAS = ("decam", "mosaic3", "90prime")
LARGEST_NUMBER = 999_999_999  # of an exposure


def is_sibling_name(path: Path) -> bool:
    """Whether a file is named as one of the three of an InstCal exposure."""
    return _NAME.fullmatch(path.name) is not None


def triplet_paths(path: Path) -> dict[str, Path]:
    """Image, weight and mask file of the triplet that ``path`` is of. Raises InputFileError."""
    return {kind: _sibling(path, letter) for kind, letter in LETTERS.items()}


def version_in_name(path: Path) -> str:
    """The archive's version of a file, from its name: "v1" of c4d_170119_085651_ooi_r_v1.fits."""
    parts = _NAME.fullmatch(path.name)
    # Cut-outs name their chip after a full stop.
    return "_".join(parts["after"].partition(".")[0].split("_")[2:]) if parts else ""


def read_facts(path: Path, options) -> ExposureFacts:
    """Facts of the exposure of which ``path`` is any of the three files."""
    paths = {kind: _sibling(path, kind) for kind in "iwd"}
    with open_images(paths["i"]) as file:
        if not file.images:
            raise file.no_image("Fetch the whole InstCal image")
        check_product(file, "i")
        facts = _facts(file, paths, options)
        for kind in "wd":
            _check_sibling(paths[kind], kind, facts, file)
        return facts


def read_chip(facts: ExposureFacts, entry: ChipEntry, options: InputOptions) -> Chip:
    """One chip, its mask translated and its weight 0 wherever a pixel can't be used."""
    with open_images(facts.image_path) as file:
        image = file.named(entry.name)
        if image is None:
            raise missing_chip(file, entry.name)
        data = read_pixels(file.path, image)
        wcs = celestial_wcs(file.path, image.label, image.cards)
        check_scale(file.path, image, wcs, options.header)
        amplifiers, notes = amplifiers_of(file.path, image, file.primary, options.header)
        said = hints(options.header, image.cards, file.primary)
    with open_images(facts.weight_path) as file:
        sibling = sibling_image(file, entry.name, "w", data.shape, entry.ccdnum)
        weight = trimmed(read_pixels(file.path, sibling), data.shape)
        check_weight(file.path, entry.name, weight, data)
    with open_images(facts.mask_path) as file:
        sibling = sibling_image(file, entry.name, "d", data.shape, entry.ccdnum)
        codes = trimmed(read_codes(file.path, sibling), data.shape)
        check_codes(file.path, entry.name, codes, facts.pipeline_version)
    mask = translate(codes, facts.pipeline_version)
    chip = Chip(
        name=entry.name,
        ccdnum=entry.ccdnum,
        data=data,
        weight=weight,
        mask=mask,
        wcs=wcs,
        amplifiers=amplifiers,
        fwhm_pixels=said.fwhm_pixels,
        zero_point=said.zero_point,
        path=facts.image_path,
        hdu=entry.hdu,
        notes=tuple(dict.fromkeys((*notes, *said.notes))),
    )
    chip = _cleaned(chip, options.limits)
    if not np.any(chip.weight > 0):
        raise nothing_usable(facts, entry.name, data, weight, mask)
    return chip


def _cleaned(chip, limits):
    """The chip with weight 0 wherever a pixel can't be used, and notes on what was not flagged."""
    weight, weight_notes = without_impossible_weights(chip.weight, limits)
    usable = (weight > 0) & ((chip.mask & np.uint8(UNUSABLE)) == 0) & np.isfinite(chip.data)
    noise, ceiling = typical_noise(weight, usable), limits.saturation_ratio * chip.saturation_map()
    data, notes = without_impossible(chip.data, usable, noise, limits, ceiling)
    data, weight, mask = without_unusable(data, weight, chip.mask)
    notes = (*chip.notes, *notes, *weight_notes)
    return replace(chip, data=data, weight=weight, mask=mask, notes=notes)


def read_mask(path: Path, name: str, pipeline_version: str = "") -> np.ndarray:
    """(ny, nx) MaskBit of one chip of a data-quality file, found by its EXTNAME.

    The codes mean what the version says, by default that of the file's own PLVER.
    """
    with open_images(path) as file:
        image = file.named(name)
        if image is None:
            raise missing_chip(file, name)
        options = InputOptions(pipeline_version=pipeline_version)
        version = pipeline_version or _version(path, options, file.primary, image.cards)
        return translate(read_codes(path, image), version)


def amplifiers_of(path, image, primary, limits) -> tuple[tuple[Amplifier, ...], list[str]]:
    """The amplifiers by column, two on a chip of full width, else one; and notes.

    Amplifier A reads the high columns of the chips called S (CCDNUM 1 to 31) and the low ones
    of those called N. A cut-out doesn't say which columns of the chip it has: it gets the mean
    gain, the larger read noise and the lower saturation, which are off by a few per cent. So does
    a chip of another camera. SATURATE is the higher of the two levels, so it only stands in where
    they are absent. Raises InputFileError if a gain or read noise is absent, or is none by
    ``limits`` (HeaderLimits).
    """
    nx = image.shape[1]
    (a, notes), (b, more) = (_amplifier(path, image, primary, x, limits) for x in "AB")
    if nx in FULL_WIDTHS and _instrument(primary, image.cards) == INSTRUMENT:
        low, high = (b, a) if image.cards.number("CCDNUM") <= 31 else (a, b)
        return (_columns(low, 0, nx // 2), _columns(high, nx // 2, nx)), notes + more
    mean = Amplifier(
        0,
        nx,
        (a.gain + b.gain) / 2,
        max(a.read_noise, b.read_noise),
        min(a.saturation, b.saturation),
    )
    return (mean,), notes + more


def _amplifier(path, image, primary, letter, limits):
    headers = image.cards, primary
    keys = (f"GAIN{letter}", "GAIN"), (f"RDNOISE{letter}", "RDNOISE")
    gain, gain_notes = number_within(limits.gain, keys[0], *headers)
    read_noise, noise_notes = number_within(limits.read_noise, keys[1], *headers)
    if not (gain > 0 and read_noise >= 0):
        there = shown_values((*keys[0], *keys[1]), *headers)
        ranges = f"{limits.gain}, {limits.read_noise}"
        raise InputFileError(
            path,
            f"GAIN{letter} or RDNOISE{letter} is missing, or is none ({there}): {ranges}"
            if there
            else f"GAIN{letter} or RDNOISE{letter} is missing",
            "Fetch the pipeline's own file, whose headers are complete",
            hdu=image.label,
        )
    keys = (f"SATURAT{letter}", "SATURATE")
    saturation, notes = number_within(limits.saturation, keys, *headers)
    saturation = saturation if saturation > 0 else np.inf
    notes = gain_notes + noise_notes + notes
    return Amplifier(0, image.shape[1], gain, read_noise, saturation), notes


def _columns(amplifier, start, stop):
    return Amplifier(start, stop, amplifier.gain, amplifier.read_noise, amplifier.saturation)


def _facts(file, paths, options):
    primary, first = file.primary, file.images[0]
    headers = primary, first.cards
    version = _version(file.path, options, *headers)
    entries = _entries(file)
    ra, dec = first_centre(file)
    seconds = exposure_seconds(file.path, options, *headers)
    # Here MJD-OBS is precise, and DATE-OBS the same moment.
    limits = options.header
    time = exposure_time(file.path, seconds, *headers, prefer=("MJD-OBS",), limits=limits)
    return ExposureFacts(
        instrument=_known_instrument(file.path, *headers),
        identifier=_exposure_number(file) or _stem(paths["i"]),
        image_path=paths["i"],
        weight_path=paths["w"],
        mask_path=paths["d"],
        filter=filter_name(file.path, options, *headers),
        mjd=time.mjd,
        exposure_seconds=seconds,
        object_name=first_text(("OBJECT",), *headers),
        proposal=first_text(("PROPID",), *headers),
        pipeline_version=version,
        ra=ra,
        dec=dec,
        chips=entries,
        time_resolution_seconds=time.resolution_seconds,
        is_combined=is_combined(*headers),
    )


def _instrument(*headers):
    """DECam, unless the header names another of the cameras that the pipeline is for."""
    name = camera_name(*headers)
    telescope_alone = not first_text(("INSTRUME",), *headers)
    return INSTRUMENT if telescope_alone or name.lower() == INSTRUMENT else name


def _entries(file):
    """A ChipEntry of each chip; no two have one name or number."""
    entries = tuple(_entry(file.path, image) for image in file.images)
    for key in ("name", "ccdnum"):
        values = [getattr(entry, key) for entry in entries]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            problem = f"two of its chips are {twice}, by {'EXTNAME' if key == 'name' else 'CCDNUM'}"
            raise InputFileError(file.path, problem, "Fetch the pipeline's own file")
    return entries


def _known_instrument(path, *headers):
    """The known camera; raises InputFileError for another with files of the same names.

    Stacks are written like this of images of whatever camera.
    """
    name = _instrument(*headers)
    is_ours = bool(first_text(("STACKKEY",), *headers[::-1]))
    if name.lower() not in CAMERAS and not is_ours:
        raise InputFileError(
            path,
            f"INSTRUME is {name!r}: files named _ooi, _oow and _ood are read as those of "
            "DECam, Mosaic3 and 90prime alone",
            "Give the image a name without _ooi_, and it is read as a plain FITS image",
        )
    return name


def _entry(path, image):
    ccdnum = image.cards.number("CCDNUM")
    if not (image.name and np.isfinite(ccdnum)):
        missing = "CCDNUM" if image.name else "EXTNAME"
        advice = "Fetch the pipeline's own file, whose headers are complete"
        there = shown_values(("CCDNUM",), image.cards) if image.name else ""
        missing += f" is missing{f', or no number: {there}' if there else ''}"
        raise InputFileError(path, missing, advice, hdu=image.label)
    if ccdnum != int(ccdnum) or not 1 <= ccdnum <= LAST_CCDNUM:
        problem = f"CCDNUM is {ccdnum:g}, no chip's number: it is whole, and 1 to {LAST_CCDNUM}"
        raise InputFileError(path, problem, "Correct it in its header", hdu=image.label)
    return ChipEntry(image.name, int(ccdnum), image.index)


def _version(path, options, *headers):
    """PLVER if it has a number, else the version in the options."""
    version = first_text(("PLVER",), *headers)
    for text in (version, options.pipeline_version):
        try:
            version_numbers(text)
        except ValueError:
            continue
        return text
    raise InputFileError(
        path,
        f"PLVER is {version!r}, no version: the data-quality codes can't be told apart",
        "Write the Community Pipeline's version into its primary header, or give it as "
        "input.pipeline_version: V3.5 and later have one code a pixel, earlier ones bits",
    )


def _exposure_number(file):
    """EXPNUM as digits, as it is sometimes a number and sometimes text; "" if absent."""
    headers = (file.primary, *(image.cards for image in file.images[:1]))
    text = first_text(("EXPNUM",), *headers).removesuffix(".0")
    if text and not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_NUMBER):
        raise InputFileError(
            file.path,
            f"EXPNUM is {text[:40]}, which is no whole number from 1 to {LARGEST_NUMBER}",
            "Correct it in its header, or remove it: the exposure is then known by its name",
        )
    return text.lstrip("0")


def _stem(path):
    return _NAME.fullmatch(path.name)["before"].removesuffix("_oo")


def _sibling(path, kind):
    """The path of a sibling: the same name, with its own letter and any of the suffixes."""
    parts = _NAME.fullmatch(path.name)
    if parts["kind"] == kind:
        return path
    stem = f"{parts['before']}{kind}{parts['after']}"
    suffixes = (parts["suffix"], *_SUFFIXES)
    found = (path.with_name(stem + suffix) for suffix in suffixes)
    sibling = next((candidate for candidate in found if candidate.is_file()), None)
    if sibling is None:
        raise InputFileError(
            path,
            f"its {KINDS[kind]} file {stem}.fits[.fz] is missing{_other_versions(path, kind)}",
            "Put all three of the same version, ooi, oow and ood, in one folder",
        )
    return sibling


def _other_versions(path, kind):
    before = _NAME.fullmatch(path.name)["before"]
    names = sorted(
        other.name for other in path.parent.glob("*.fits*") if other.name.startswith(before + kind)
    )
    return f" (of other versions there is {', '.join(names)})" if names else ""


def _check_sibling(path, kind, facts, image_file):
    """Check that a sibling is of the same exposure and shares a chip with the image."""
    with open_images(path) as file:
        number = _exposure_number(file)
        if number and facts.identifier.isdigit() and number != facts.identifier:
            raise InputFileError(
                path,
                f"is of exposure {number}, its image {facts.image_path.name} of {facts.identifier}",
                "Fetch both again, or mend the name of the wrong one",
            )
        check_is_same_exposure(file, kind, image_file)
        errors = []
        for image in image_file.images:
            try:
                sibling_image(file, image.name, kind, image.shape)
                return
            except InputFileError as error:
                errors.append(error)
        raise errors[0]
