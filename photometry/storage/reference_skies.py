"""Storage of what references have beside their sources, packed into one value each."""

import zlib
from collections.abc import Collection
from io import BytesIO

import numpy as np

from exposures.models import GalImage
from exposures.plain_values import none_if_nan
from exposures.science.arrays import FloatArray, IntArray
from photometry.models import GalReference, GalReferenceSky
from photometry.science.reference_sky import ReferenceSky, ReferenceSkyOptions
from photometry.storage.psf_parts import parts_of_psf, psf_of_parts

STEPS_A_SIGMA = 4  # of the pixels' scatter: rounding to these adds half a percent to the variance
FASTEST = 1  # of zlib's levels: noise gets no smaller by more work


def store_reference_sky(
    catalogue: GalReference, sky: ReferenceSky, options: ReferenceSkyOptions
) -> None:
    """Store the ReferenceSky of a new catalogue, with its pixels if they are to be subtracted."""
    if options.subtract:
        GalReferenceSky.objects.create(
            catalogue=catalogue,
            structure=none_if_nan(sky.structure),
            pixels=packed(sky) if sky.is_kept(options) else None,
        )


def reference_skies_of(images: Collection[GalImage]) -> dict[int, ReferenceSky]:
    """The ReferenceSky of each reference image that has one to subtract, by its id."""
    stored = GalReferenceSky.objects.filter(
        catalogue__image__in=images, catalogue__active=True, pixels__isnull=False
    ).order_by("catalogue_id")
    rows = stored.values_list("catalogue__image_id", "pixels", "structure")
    return {image: unpacked(bytes(pixels or b""), structure) for image, pixels, structure in rows}


def without_reference_sky(images: Collection[GalImage]) -> list[GalImage]:
    """Reference images of which it is not known what they have beside their sources."""
    known = GalReferenceSky.objects.filter(catalogue__image__in=images, catalogue__active=True)
    known_ids = set(known.values_list("catalogue__image_id", flat=True))
    return [image for image in images if image.pk not in known_ids]


def packed(sky: ReferenceSky) -> bytes:
    """A ReferenceSky but for its structure, in steps of a part of its scatter."""
    step = _scatter(sky.light) / STEPS_A_SIGMA
    # High and low bytes apart: of most pixels the high ones are the same.
    levels = np.clip(np.rint(sky.light / step), -32768, 32767).astype("<i2")
    parts = {
        "step": step,
        "bytes": np.stack([levels >> 8, levels & 255]).astype("u1"),
        **parts_of_psf(sky.psf),
    }
    file = BytesIO()
    np.savez(file, **parts)
    return zlib.compress(file.getvalue(), FASTEST)


def _scatter(light: FloatArray) -> float:
    """From pixel to pixel, ADU: what nebulae add to it is little."""
    differences = np.abs(np.diff(light[:, ::2], axis=1))
    return max(float(np.median(differences)) / 0.954, 1e-3)


def unpacked(value: bytes, structure: float | None = None) -> ReferenceSky:
    """The ReferenceSky that was ``packed``, with its ``structure`` where that is known."""
    with np.load(BytesIO(zlib.decompress(value))) as parts:
        light = _levels(parts["bytes"]) * np.float32(parts["step"])
        psf = psf_of_parts(parts)
    return ReferenceSky(light, psf, np.nan if structure is None else structure)


def _levels(pairs: IntArray) -> IntArray:
    """(ny, nx) int16 of high and low bytes (2, ny, nx)."""
    high, low = pairs
    levels: IntArray = (high.astype("u2") << 8 | low).view("i2")
    return levels
