"""The diagram of the stars of a candidate's field in published colours and magnitudes."""

import numpy as np

from exposures.science.arrays import FloatArray
from photometry.matching.colours import colour_catalogue, published_colours
from photometry.models import GalMatchRun
from variables.derived.published_diagrams import KINDS, densities_of


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
    if not runs.filter(published=catalogue.published).exists():
        return None
    densities = densities_of(candidate.catalogue, catalogue)
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


def _points(colour: FloatArray, mag: FloatArray) -> list[list[float]]:
    known = np.isfinite(colour) & np.isfinite(mag)
    return np.column_stack([colour, mag])[known].round(3).tolist()
