"""The science images of a file, each with its noise and masks."""

import re
from dataclasses import dataclass

import numpy as np

from exposures.chip import MaskBit
from exposures.errors import InputFileError
from exposures.fits.conventions import BITS, CARDS, KIND_OF, PLANE_WORDS, ExtensionKind
from exposures.fits.files import PLANES, ImageHdu

# The first of these that a file has is taken.
NOISE_KINDS = ExtensionKind.ERROR, ExtensionKind.VARIANCE, ExtensionKind.WEIGHT


@dataclass(frozen=True)
class ScienceImage:
    """An image to measure stars on, with its partners in the same file."""

    image: ImageHdu
    name: str  # unique in the file
    noise: ImageHdu | None
    noise_kind: ExtensionKind | None
    masks: tuple[ImageHdu, ...]


@dataclass(frozen=True)
class _Named:
    """An image of a file with the kind and chip that its name and cards give."""

    image: ImageHdu
    kind: ExtensionKind | None  # None: nothing that is known
    chip: tuple[str, int]  # what is left of the name, and EXTVER


def science_images(file) -> tuple[list[ScienceImage], list[str]]:
    """The science images of an ImageFile in their order, and names of images that aren't used.

    Where one is science by its name or cards, or is the primary image beside others, only such
    are; else every image with a WCS that isn't known to be something else. A partner belongs to
    the science of its EXTVER or the rest of its name, else to that of its rank among its kind.
    Raises InputFileError if there is none, or a partner has another shape.
    """
    named = [_named(image) for image in file.images]
    science = _science(named)
    if not science:
        raise InputFileError(
            file.path,
            f"none of its images is a science image with a WCS; there: {_listed(named, file)}",
            PLANES if file.others else "Name it SCI, or solve its astrometry first, in ICRS",
        )
    used, found = {n.image.index for n in science}, []
    for rank, one in enumerate(science):
        partners = {
            kind: _partners(one, rank, science, [n for n in named if n.kind == kind])
            for kind in (*NOISE_KINDS, ExtensionKind.MASK)
        }
        kind = next((kind for kind in NOISE_KINDS if partners[kind]), None)
        noise = partners[kind][0] if kind else None
        for partner in filter(None, (noise, *partners[ExtensionKind.MASK])):
            _check_shape(file.path, partner, one.image)
        used |= {image.index for images in partners.values() for image in images}
        name = _name(one, science)
        found.append(
            ScienceImage(one.image, name, noise, kind, tuple(partners[ExtensionKind.MASK]))
        )
    unused = [
        n.image.label for n in named if n.image.index not in used and n.kind != ExtensionKind.OTHER
    ]
    return found, unused


def _named(image):
    text = image.name.upper()
    words = [word for word in re.split(r"[^A-Z0-9]+", text) if word]
    whole = "".join(words)
    kind, rest = KIND_OF.get(whole), ""
    if kind is None:
        number = re.fullmatch(r"([A-Z]+)(\d+)", whole)
        if number and number[1] in KIND_OF:
            kind, rest = KIND_OF[number[1]], number[2]
        else:
            kind, rest = _kind_among(words)
    for card, meanings in CARDS.items():
        kind = meanings.get(image.cards.text(card).upper(), kind)
    version = image.cards.number("EXTVER")
    return _Named(image, kind, (rest, int(version) if np.isfinite(version) else 1))


def _kind_among(words):
    """The kind in the last or first word of a name, and the rest: the chip's name."""
    for place in (-1, 0):
        if len(words) > 1 and words[place] in KIND_OF:
            return KIND_OF[words[place]], "".join(words[:-1] if place else words[1:])
    return None, "".join(words)


def _science(named):
    """The images to be measured; see science_images."""
    has_wcs = [n for n in named if n.image.cards.text("CTYPE1")] if len(named) > 1 else named
    by_name = [n for n in has_wcs if n.kind == ExtensionKind.SCIENCE]
    if by_name:
        return by_name
    others = [n for n in has_wcs if n.kind is None]
    nameless = [n for n in others if not n.image.name]
    return nameless or others


def _partners(one, rank, science, candidates):
    """The images among ``candidates``, all of a kind, that belong to a science image."""
    if len(science) == 1:
        return [n.image for n in candidates]
    chips = [n.chip for n in science]
    if len(set(chips)) == len(chips):
        return [n.image for n in candidates if n.chip == one.chip]
    if len(candidates) == len(science):
        return [candidates[rank].image]
    return []


def _name(one, science):
    names = [n.image.name for n in science]
    if one.image.name and names.count(one.image.name) == 1:
        return one.image.name
    versions = [n.chip for n in science]
    if one.image.name and versions.count(one.chip) == 1:
        return f"{one.image.name}{one.chip[1]}"
    return f"HDU{one.image.index}"


def _check_shape(path, partner, image):
    if partner.shape != image.shape:
        (ny, nx), (own_y, own_x) = partner.shape, image.shape
        raise InputFileError(
            path,
            f"{partner.label} has {nx} x {ny} pixels, {image.label} {own_x} x {own_y}",
            "Write noise and mask of the image's own shape, or leave them out",
            hdu=partner.label,
        )


def _listed(named, file):
    kinds = (f"{n.image.label} ({n.kind or 'unknown'})" for n in named)
    return ", ".join((*kinds, *file.others)) or "none"


def mask_of(codes, *headers) -> np.ndarray:
    """(ny, nx) MaskBit of the integer ``codes`` of a mask extension.

    Its bits mean what its header or the observatory's convention says; by default all that is
    not 0 is bad.
    """
    meanings = _planes(headers[0]) or _known_bits(headers)
    if meanings is None:
        return np.where(codes != 0, np.uint8(MaskBit.BAD), np.uint8(0))
    mask, single = np.zeros(codes.shape, np.uint8), 0
    for bits, meaning in meanings.items():
        mask[(codes & bits) == bits] |= np.uint8(meaning)
        single |= bits
    mask[(codes & ~np.int64(single)) != 0] |= np.uint8(MaskBit.BAD)
    return mask


def _known_bits(headers):
    for convention in BITS:
        if all(
            any(header.text(card).upper().startswith(value) for header in headers)
            for card, value in convention.cards.items()
        ):
            return convention.meanings
    return None


def _planes(cards):
    """{bit: MaskBit} of a mask whose header names its planes; none where it doesn't."""
    meanings = {}
    for key in dict.fromkeys(cards.header):
        numbered = re.fullmatch(r"(?:MSKBIT|BIT)(\d+)", key)
        if key.startswith("MP_") and 0 <= cards.number(key) < 63:
            meanings[1 << int(cards.number(key))] = _meaning(key[3:])
        elif numbered and int(numbered[1]) < 63:
            meanings[1 << int(numbered[1])] = _meaning(cards.text(key))
    return meanings


def _meaning(text):
    words = re.split(r"[^A-Z]+", text.upper())
    found = MaskBit(0)
    for word in (*words, "".join(words)):
        found |= PLANE_WORDS.get(word, MaskBit(0))
    return found
