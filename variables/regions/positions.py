"""Positions of sources and changes on an image, by key without a scan of galsources."""

from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out
from exposures.models import GalImage
from photometry.models import GalCoverage, GalReference, GalSource
from variables.science.chip_map import ChipMap, fit_chip_map

# Stars of each catalogue that are asked for the map of a chip.
N_SAMPLED = 150

# The columns of a change that are needed to place it, and to say what it is.
DTYPE = np.dtype(
    [
        *(("image_id", "i8"), ("pk", "i8"), ("refsource_id", "i8"), ("x", "f8"), ("y", "f8")),
        *(("ra", "f8"), ("dec", "f8"), ("failed_cuts", "i2"), ("is_flagged", "?")),
    ]
)
CHANGES = """
SELECT galimage_id, id, refsource_id, coalesce(x, 'NaN')::float8, coalesce(y, 'NaN')::float8,
    ra, dec, failed_cuts, is_flagged
FROM galvarobjs WHERE galimage_id = ANY('{{{images}}}') ORDER BY galimage_id, id
"""


@dataclass(frozen=True)
class PlacedChanges:
    """The changes on an image; arrays (n,)."""

    pk: np.ndarray  # of galvarobjs
    refsource_id: np.ndarray
    x: np.ndarray  # pixels; NaN where unknown
    y: np.ndarray
    ra: np.ndarray  # ICRS degrees
    dec: np.ndarray
    failed_cuts: np.ndarray  # bits of Cut
    is_flagged: np.ndarray

    def __len__(self):
        return len(self.pk)


def placed_changes(image) -> PlacedChanges:
    """The changes on an image, with their positions; see ``place_changes``."""
    rows = changes_on([image.pk])
    _place(image, rows)
    return PlacedChanges(**{name: rows[name] for name in DTYPE.names if name != "image_id"})


def changes_on(image_ids) -> np.ndarray:
    """The changes on images as DTYPE, by image and id; x and y are NaN where none was stored."""
    return copy_out(CHANGES.format(images=",".join(map(str, image_ids))), DTYPE)


def place_changes(rows: np.ndarray) -> None:
    """Fill in the positions of changes, of DTYPE by image, that were stored without one.

    They are placed by what was measured of the source, or, where it vanished and nothing was, by
    its place on the sky and a map through the other stars.
    """
    ids = np.unique(rows["image_id"][np.isnan(rows["x"])]).tolist()
    for image in GalImage.objects.filter(pk__in=ids).select_related("exposure"):
        _place(image, rows[slice(*np.searchsorted(rows["image_id"], (image.pk, image.pk + 1)))])


def _place(image, found):
    _place_by_source(image, found)
    missing = np.isnan(found["x"])
    if missing.any() and (chip_map := chip_map_of(image)):
        sky = found["ra"][missing], found["dec"][missing]
        found["x"][missing], found["y"][missing] = chip_map.to_pixel(*sky)


def _place_by_source(image, found):
    """Fill in missing positions from galsources by the sources' keys."""
    missing = np.isnan(found["x"])
    ids = found["refsource_id"][missing].tolist()
    if not ids:
        return
    sources = GalSource.objects.filter(refsource_id__in=ids, galimage_id=image.pk)
    measured = {i: (x, y) for i, x, y in sources.values_list("refsource_id", "x", "y")}
    unknown = np.nan, np.nan
    found["x"][missing], found["y"][missing] = zip(
        *(measured.get(i, unknown) for i in ids), strict=True
    )


def chip_map_of(image) -> ChipMap | None:
    """The ChipMap of an image; None if it has neither stars nor corners."""
    ids = [i for catalogue in catalogues_on(image) for i in _sample(catalogue)]
    sources = GalSource.objects.filter(refsource_id__in=ids, galimage_id=image.pk)
    stars = list(sources.values_list("ra", "dec", "x", "y")) if ids else []
    stars += _corners(image)
    return fit_chip_map(*np.array(stars, float).reshape(-1, 4).T)


def catalogues_on(image) -> list[GalReference]:
    """The catalogues measured on an image: its own, or those of its references."""
    if image.is_reference:
        return list(GalReference.objects.filter(image=image, active=True))
    coverages = GalCoverage.objects.filter(image=image).select_related("catalogue")
    return [coverage.catalogue for coverage in coverages.order_by("catalogue_id")]


def _sample(catalogue):
    """Ids spread evenly over a catalogue, whose ids are contiguous and in sky order."""
    ranks = np.linspace(0, max(catalogue.n_sources - 1, 0), N_SAMPLED).astype(int)
    return (catalogue.id_range[0] + np.unique(ranks)).tolist()


def _corners(image):
    """ra, dec, x, y of the chip's four corners, in the order of the footprint."""
    if not (image.footprint and image.width and image.height):
        return []
    right, top = image.width - 0.5, image.height - 0.5
    pixels = [(-0.5, -0.5), (right, -0.5), (right, top), (-0.5, top)]
    sky = zip(image.footprint[::2], image.footprint[1::2], strict=True)
    return [(*where, *pixel) for where, pixel in zip(sky, pixels, strict=True)]
