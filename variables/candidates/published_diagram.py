"""The diagram of the stars of a candidate's field in published colours and magnitudes."""

from dataclasses import dataclass

import numpy as np
from django.core.cache import cache

from exposures.science.arrays import FloatArray
from photometry.matching.colours import ColourCatalogue, colour_catalogue, published_colours
from photometry.models import GalMatchRun

N_CELLS = 90  # along each axis
BEYOND = 0.002  # share of the stars that is left out at either end of an axis
FEWEST = 30  # stars for a diagram
PAD = 0.04  # of a range, at either end of it
CACHE_SECONDS = 7 * 24 * 3600


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


def published_diagram(candidate) -> dict | None:
    """What is drawn of a candidate among the published stars of its field, for JSON.

    None where no catalogue with colours is matched with its reference. ``{"catalogue", "x",
    "diagrams"}``; each diagram has the ``kind`` ("apparent", or "absolute" of stars with good
    parallaxes), the ends ``x_range`` and ``y_range`` of its ``n_cells`` a side, the numbers
    ``cells`` of those with stars along rows from the lowest numbers, their ``counts``, ``n_stars``
    in all, and ``itself``: [[colour, magnitude]] of the candidate, [] where it is not matched.
    """
    catalogue = colour_catalogue()
    if catalogue is None:
        return None
    runs = GalMatchRun.objects.filter(reference_id=candidate.catalogue_id)
    run = runs.filter(published=catalogue.published).first()
    if run is None:
        return None
    # Of the run: another one has other stars.
    key = f"published-diagram-{run.pk}-{catalogue.blue}-{catalogue.red}"
    densities = cache.get(key)
    if densities is None:
        densities = _densities(candidate.catalogue_id, catalogue)
        cache.set(key, densities, CACHE_SECONDS)
    itself = published_colours(candidate.catalogue_id, catalogue, np.array([candidate.pk]))
    diagrams = [
        density
        | {
            "y": kind.y.format(catalogue.main_band),
            "itself": _points(itself.colour, getattr(itself, kind.attribute)),
        }
        for kind in KINDS
        for density in densities
        if density["kind"] == kind.name
    ]
    label = f"{catalogue.colour_name} (mag)"
    return {"catalogue": str(catalogue.published), "x": label, "diagrams": diagrams}


def _densities(reference_id: int, catalogue: ColourCatalogue) -> list[dict]:
    """The diagrams of a reference's stars without a candidate, of which there are enough stars."""
    stars = published_colours(reference_id, catalogue)
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


def _points(colour: FloatArray, mag: FloatArray) -> list[list[float]]:
    known = np.isfinite(colour) & np.isfinite(mag)
    return np.column_stack([colour, mag])[known].round(3).tolist()
