"""Two exposures of the same sky in one place, to be looked at in turn."""

import json
from dataclasses import dataclass

import numpy as np
from django.db.models import Q

from exposures.models import GalExposure, GalImage
from exposures.science.footprints import east_and_north, unit_vectors
from galproject.references.quality import Quality, qualities
from variables.pictures.chips import stretch_filters, white_sigma_of
from variables.pictures.paths import picture_url

ARCMINUTES = 60.0
# Of the corners of a footprint, in turn, in a picture from 0 to 1 across and downwards.
CORNERS = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
WIDTH_ARCMIN = 24.0  # that is seen first


@dataclass(frozen=True)
class BlinkSide:
    """One of the two exposures, with its chips where they lie on the sky."""

    letter: str
    exposure: GalExposure
    quality: Quality | None  # None without chips
    chips: list[dict]  # of those with pictures: name, url, matrix, and which tables they need

    @property
    def json(self) -> str:
        """The chips as the script of the page reads them."""
        return json.dumps(self.chips)


@dataclass(frozen=True)
class BlinkPair:
    """Two exposures on the plane that touches the sky at ``centre``; north up, east left."""

    first: BlinkSide
    second: BlinkSide
    centre: tuple[float, float]  # ra, dec, degrees
    tables: dict[str, dict[str, str]]  # of greys, by the height that is white, for each stretch

    @property
    def sides(self) -> tuple[BlinkSide, BlinkSide]:
        """Both exposures."""
        return self.first, self.second

    @property
    def tables_json(self) -> str:
        """The tables as the script of the page reads them."""
        return json.dumps(self.tables)


def blink_pair(first: GalExposure, second: GalExposure, position=None) -> BlinkPair:
    """The BlinkPair of two exposures, round a position (ra, dec) or the middle of the second.

    Chips are placed by the positions of their corners, which the WCS of each has; three queries.
    """
    placed = Q(exposure__in=[first.pk, second.pk]) & ~Q(footprint=None)
    images = list(GalImage.objects.filter(placed).order_by("ccdnum"))
    centre = position or _middle_of(second, images)
    whites = {image.pk: white_sigma_of(image.pk) for image in images}
    known = {one.exposure.pk: one for one in qualities([first, second])}

    def side(letter, exposure):
        chips = _chips(exposure, images, centre, whites)
        return BlinkSide(letter, exposure, known.get(exposure.pk), chips)

    tables = {_key(white): stretch_filters(white) for white in whites.values()}
    return BlinkPair(side("A", first), side("B", second), centre, tables)


def _middle_of(exposure, images):
    """The middle of a chip of an exposure, as that of the mosaic may lie in a gap."""
    own = [image for image in images if image.exposure_id == exposure.pk and image.ra is not None]
    if not own:
        return exposure.ra, exposure.dec
    vectors = unit_vectors([(image.ra, image.dec) for image in own])
    middle = own[int(np.argmax(vectors @ vectors.mean(axis=0)))]
    return middle.ra, middle.dec


def _chips(exposure, images, centre, whites):
    centre = unit_vectors([centre])[0]
    chips = []
    for image in images:
        corners = unit_vectors(image.footprint)
        url = picture_url(image)
        # Those on the other side of the sky have no place on the plane.
        if image.exposure_id == exposure.pk and url and np.all(corners @ centre > 0.5):
            right_down = -np.degrees(ARCMINUTES) * east_and_north(corners, centre)
            chips.append(
                {
                    "name": image.chip_name,
                    "url": url,
                    "matrix": _matrix(right_down),
                    "white": _key(whites[image.pk]),
                }
            )
    return chips


def _matrix(corners):
    """The six numbers of the SVG matrix that brings a square of 1 nearest to (4, 2) corners."""
    design = np.column_stack([CORNERS, np.ones(4)])
    return np.linalg.lstsq(design, corners, rcond=None)[0].ravel().round(4).tolist()


def _key(white_sigma):
    """The height that is white to some per cent, so that chips share tables."""
    return "" if white_sigma is None else f"{white_sigma:.2g}"
