"""How the stars of a field lie in published colours and magnitudes, stored with their matches."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.matching.colours import (
    ColourCatalogue,
    PublishedColours,
    colour_catalogue,
    published_colours,
)
from photometry.models import GalReference
from variables.models import GalPublishedDiagram

N_CELLS = 90  # along each axis
BEYOND = 0.002  # share of the stars that is left out at either end of an axis
FEWEST = 30  # stars for a diagram
PAD = 0.04  # of a range, at either end of it


@dataclass(frozen=True)
class DiagramKind:
    """A diagram by one kind of magnitude."""

    name: str
    attribute: str  # of PublishedColours
    y: str  # label of the magnitude of a band


KINDS = (
    DiagramKind("apparent", "mag", "{} (mag)"),
    DiagramKind("absolute", "absolute_mag", "absolute {} (mag)"),
)


def replace_diagram(reference: GalReference, stars: PublishedColours) -> None:
    """Store how the matched ``stars`` of a reference lie in published colours and magnitudes."""
    GalPublishedDiagram.objects.filter(catalogue=reference).delete()
    catalogue = colour_catalogue()
    if catalogue is not None and len(stars.refsource_id):
        GalPublishedDiagram.objects.create(
            catalogue=reference, published=catalogue.published, densities=_densities(stars)
        )


def densities_of(reference: GalReference, catalogue: ColourCatalogue) -> list[dict]:
    """The diagrams of a reference's matched stars, those of which there are enough stars.

    As they are stored; counted here for matches of before they were.
    """
    stored = GalPublishedDiagram.objects.filter(catalogue=reference, published=catalogue.published)
    densities = stored.values_list("densities", flat=True).first()
    if densities is None:
        return _densities(published_colours(reference.pk, catalogue))
    return densities


def _densities(stars: PublishedColours) -> list[dict]:
    found = []
    for kind in KINDS:
        mag = getattr(stars, kind.attribute)
        known = np.isfinite(stars.colour) & np.isfinite(mag)
        if known.sum() >= FEWEST:
            found.append({"kind": kind.name} | _density(stars.colour[known], mag[known]))
    return found


def _density(colour: FloatArray, mag: FloatArray) -> dict:
    """How many of the stars (n,) are in each cell of a square of cells."""
    ends = [_range_of_most(values) for values in (colour, mag)]
    counts = np.histogram2d(mag, colour, N_CELLS, ends[::-1])[0].astype(int).ravel()
    cells = np.flatnonzero(counts)
    return {
        "x_range": ends[0],
        "y_range": ends[1],
        "n_cells": N_CELLS,
        "cells": cells.tolist(),
        "counts": counts[cells].tolist(),
        "n_stars": len(colour),
    }


def _range_of_most(values: FloatArray) -> list[float]:
    low, high = np.quantile(values, [BEYOND, 1 - BEYOND])
    pad = max(PAD * (high - low), 0.05)
    return [round(float(low - pad), 4), round(float(high + pad), 4)]
