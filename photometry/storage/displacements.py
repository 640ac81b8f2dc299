"""Where bright stars were on images, in arrays beside galcoverages, an image each."""

from collections.abc import Iterable

import numpy as np
from django.db import connection

from exposures.binary_copy import copy_out
from exposures.science.arrays import FloatArray
from exposures.science.motion import DAYS_A_YEAR
from exposures.source_ids import catalogue_of
from photometry.models import GalCoverage, GalReference
from photometry.science.motion_fit import Displacements
from photometry.storage.array_text import array_literal

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
_INSERT = """
INSERT INTO galdisplacements (coverage_id, refsource_ids, east, north, error)
VALUES (%s, %s::bigint[], %s::real[], %s::real[], %s::real[])
"""


def store_displacements(coverages: Iterable[GalCoverage], measured: Displacements) -> None:
    """Store Displacements on an image with its new coverages, by the catalogue they are of."""
    catalogues = catalogue_of(measured.refsource_id)
    with connection.cursor() as cursor:
        for coverage in coverages:
            own = measured.select(catalogues == coverage.catalogue_id)
            if len(own):
                columns = own.refsource_id, own.east, own.north, own.error
                cursor.execute(_INSERT, [coverage.pk, *map(array_literal, columns)])


def displacements_of(catalogue: GalReference) -> tuple[Displacements, FloatArray]:
    """The Displacements (n,) of a catalogue's sources on all images, and their years (n,)."""
    rows = copy_out(_QUERY.format(catalogue=int(catalogue.pk)), _ROW)
    places = Displacements(
        refsource_id=rows["refsource_id"],
        **{name: rows[name].astype("f8") for name in ("east", "north", "error")},
    )
    return places, (rows["mjd"] - catalogue.mjd) / DAYS_A_YEAR
