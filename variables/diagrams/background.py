"""The stars below the variables of a diagram: stored densities of the references they are on."""

from collections import Counter

import numpy as np

from photometry.matching.colours import ColourCatalogue
from variables.diagrams.kinds import Diagram
from variables.models import GalPublishedDiagram

MOST_REFERENCES = 16  # those with most of the variables: each is some 20 kB of counts
N_CELLS = 120  # along each axis


def density_below(kind: Diagram, drawn: Counter, catalogue: ColourCatalogue | None) -> dict | None:
    """How many stars are in each cell of a square of cells, for JSON; None where nothing is stored.

    ``drawn`` has the number of variables of each reference catalogue. One query.
    """
    if not kind.background or catalogue is None or not drawn:
        return None
    most = [pk for pk, _ in drawn.most_common(MOST_REFERENCES)]
    stored = GalPublishedDiagram.objects.filter(
        catalogue__in=most, published=catalogue.published
    ).values_list("densities", flat=True)
    found = [one for densities in stored for one in densities if one["kind"] == kind.background]
    return _summed(found) if found else None


def _summed(densities):
    """One density of several, whose cells are counted where their middles lie."""
    x_range, y_range = (
        [min(one[name][0] for one in densities), max(one[name][1] for one in densities)]
        for name in ("x_range", "y_range")
    )
    counts = np.zeros((N_CELLS, N_CELLS))
    for one in densities:
        row, column = np.divmod(one["cells"], one["n_cells"])
        x, y = (
            low + (cell + 0.5) * (high - low) / one["n_cells"]
            for cell, (low, high) in ((column, one["x_range"]), (row, one["y_range"]))
        )
        counts += np.histogram2d(y, x, N_CELLS, [y_range, x_range], weights=one["counts"])[0]
    flat = counts.ravel().astype(int)
    cells = np.flatnonzero(flat)
    return {
        "x_range": x_range,
        "y_range": y_range,
        "n_cells": N_CELLS,
        "cells": cells.tolist(),
        "counts": flat[cells].tolist(),
        "n_stars": int(flat.sum()),
        "n_references": len(densities),
    }
