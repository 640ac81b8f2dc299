"""Drawings of an exposure's chips on the sky."""

from dataclasses import dataclass

import numpy as np

from exposures.models import GalImage
from exposures.science.footprints import east_and_north, unit_vectors
from variables.pictures.paths import small_picture_url


@dataclass(frozen=True)
class MosaicChip:
    """One chip of a mosaic."""

    image: GalImage
    points: str  # of a polygon, as SVG writes them
    state: str
    picture: str | None  # its address
    matrix: str  # from a square of 1 by 1, downwards, to the corners of the chip


@dataclass(frozen=True)
class Mosaic:
    """Chips on the tangent plane of an exposure; north is up, east is left."""

    view_box: str
    tiles: tuple[MosaicChip, ...]


def mosaics(exposures) -> dict[int, Mosaic]:
    """The mosaics of exposures that have footprints, by their ids; one query."""
    images = GalImage.objects.filter(exposure__in=[e.pk for e in exposures])
    chips = {}
    for image in images.exclude(footprint=None).order_by("exposure_id", "ccdnum"):
        chips.setdefault(image.exposure_id, []).append(image)
    return {pk: _mosaic(found) for pk, found in chips.items()}


def _mosaic(images):
    corners = np.array([image.footprint for image in images]).reshape(-1, 2)
    plane = _north_up(corners).reshape(-1, 4, 2)
    low, high = plane.min(axis=(0, 1)), plane.max(axis=(0, 1))
    margin = 0.02 * (high - low).max()
    x, y = low - margin
    width, height = high - low + 2 * margin
    tiles = map(_tile, images, plane)
    return Mosaic(f"{x:.2f} {y:.2f} {width:.2f} {height:.2f}", tuple(tiles))


def _tile(image, polygon):
    first, _, third, corner = polygon  # lower left, lower right, upper right, upper left
    matrix = np.concatenate([third - corner, first - corner, corner])
    return MosaicChip(
        image,
        " ".join(f"{x:.2f},{y:.2f}" for x, y in polygon),
        "reference" if image.is_reference else image.status,
        small_picture_url(image),
        " ".join(f"{value:.3f}" for value in matrix),
    )


def _north_up(sky):
    """(n, 2) arcminutes to the right and down of ra, dec (n, 2), relative to their centre."""
    vectors = unit_vectors(sky)
    centre = vectors.mean(axis=0)
    centre /= np.linalg.norm(centre)
    return -np.degrees(60) * east_and_north(vectors, centre)
