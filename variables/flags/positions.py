"""Where sources and changes lie on an image, found by their keys: galsources is never scanned."""

from dataclasses import dataclass

import numpy as np

from photometry.models import GalCoverage, GalReference, GalSource
from variables.models import GalVarObj
from variables.science.chip_map import ChipMap, fit_chip_map

# Stars of each catalogue that are asked for the map of a chip.
N_SAMPLED = 150


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
    kind: np.ndarray

    def __len__(self):
        return len(self.pk)


def placed_changes(image) -> PlacedChanges:
    """The changes on an image, with their positions.

    What vanished, or lies on bad pixels, has no row in galsources: it is placed by the sky
    position that all changes have, and a map through the other stars.
    """
    columns = ("pk", "refsource_id", "ra", "dec", "failed_cuts", "is_flagged", "kind")
    rows = GalVarObj.objects.filter(image=image).order_by("pk").values_list(*columns)
    values = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 7
    found = dict(zip(columns, values, strict=True))
    x, y = np.full((2, len(found["pk"])), np.nan)
    measured = _positions_by_id(image, found["refsource_id"].tolist())
    for i, refsource_id in enumerate(found["refsource_id"].tolist()):
        x[i], y[i] = measured.get(refsource_id, (np.nan, np.nan))
    missing = np.isnan(x)
    if missing.any() and (chip_map := chip_map_of(image)):
        x[missing], y[missing] = chip_map.to_pixel(found["ra"][missing], found["dec"][missing])
    return PlacedChanges(x=x, y=y, **found)


def chip_map_of(image) -> ChipMap | None:
    """A map between sky and pixels of an image; None where there are neither stars nor corners."""
    ids = [i for catalogue in catalogues_on(image) for i in _sample(catalogue)]
    sources = GalSource.objects.filter(refsource_id__in=ids, galimage_id=image.pk)
    stars = list(sources.values_list("ra", "dec", "x", "y")) if ids else []
    stars += _corners(image)
    return fit_chip_map(*np.array(stars, float).reshape(-1, 4).T)


def catalogues_on(image) -> list[GalReference]:
    """The catalogues whose sources were measured on an image: its own, or those of others."""
    if image.is_reference:
        return list(GalReference.objects.filter(image=image, active=True))
    coverages = GalCoverage.objects.filter(image=image).select_related("catalogue")
    return [coverage.catalogue for coverage in coverages.order_by("catalogue_id")]


def _positions_by_id(image, refsource_ids):
    sources = GalSource.objects.filter(refsource_id__in=refsource_ids, galimage_id=image.pk)
    if not refsource_ids:
        return {}
    return {i: (x, y) for i, x, y in sources.values_list("refsource_id", "x", "y")}


def _sample(catalogue):
    """Ids spread over a catalogue: they follow each other without gaps, in sky order."""
    ranks = np.linspace(0, max(catalogue.n_sources - 1, 0), N_SAMPLED).astype(int)
    return (catalogue.id_range[0] + np.unique(ranks)).tolist()


def _corners(image):
    """ra, dec, x, y of the four corners, in the order of the footprint."""
    if not (image.footprint and image.width and image.height):
        return []
    right, top = image.width - 0.5, image.height - 0.5
    pixels = [(-0.5, -0.5), (right, -0.5), (right, top), (-0.5, top)]
    sky = zip(image.footprint[::2], image.footprint[1::2], strict=True)
    return [(*where, *pixel) for where, pixel in zip(sky, pixels, strict=True)]
