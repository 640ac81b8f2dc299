"""Where bright stars were on images, in arrays beside galcoverages, an image each."""

from collections.abc import Iterable

import numpy as np

from exposures.binary_copy import copy_out
from exposures.science.arrays import FloatArray
from exposures.science.motion import DAYS_A_YEAR
from exposures.source_ids import catalogue_of
from photometry.models import GalCoverage, GalDisplacements, GalReference
from photometry.science.motion_fit import Displacements

_ROW = np.dtype(
    [
        ("mjd", "f8"),
        ("refsource_id", "i8"),
        ("east", "f4"),
        ("north", "f4"),
        ("error", "f4"),
    ]
)
_QUERY = """
SELECT c.mjd, unnest(d.refsource_ids), unnest(d.east), unnest(d.north), unnest(d.error)
FROM galdisplacements d JOIN galcoverages c ON c.id = d.coverage_id
WHERE c.catalogue_id = {catalogue} ORDER BY c.mjd, c.id
"""


def store_displacements(coverages: Iterable[GalCoverage], measured: Displacements) -> None:
    """Store Displacements on an image with its new coverages, by the catalogue they are of."""
    catalogues = catalogue_of(measured.refsource_id)
    rows = []
    for coverage in coverages:
        own = measured.select(catalogues == coverage.catalogue_id)
        if len(own):
            rows.append(
                GalDisplacements(
                    coverage=coverage,
                    refsource_ids=own.refsource_id.tolist(),
                    east=own.east.tolist(),
                    north=own.north.tolist(),
                    error=own.error.tolist(),
                )
            )
    GalDisplacements.objects.bulk_create(rows)


def displacements_of(catalogue: GalReference) -> tuple[Displacements, FloatArray]:
    """The Displacements (n,) of a catalogue's sources on all images, and their years (n,)."""
    rows = copy_out(_QUERY.format(catalogue=int(catalogue.pk)), _ROW)
    places = Displacements(
        refsource_id=rows["refsource_id"],
        **{name: rows[name].astype("f8") for name in ("east", "north", "error")},
    )
    return places, (rows["mjd"] - catalogue.mjd) / DAYS_A_YEAR
