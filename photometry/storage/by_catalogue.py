"""Rows of sources of many catalogues, by one query of their partitions."""

from collections.abc import Iterable

import numpy as np

from exposures.binary_copy import copy_out, names_of
from exposures.science.arrays import IntArray
from exposures.source_ids import catalogue_of, id_range
from photometry.models import GalReference
from photometry.storage.catalogue_rows import in_order_of_ids, rows_of_catalogues

REFERENCE_ROWS = """
SELECT refsource_id, {columns} FROM {partition}
WHERE is_reference AND galimage_id = {image} AND refsource_id = ANY('{{{ids}}}')
"""
TIMES_MEASURED = """
SELECT refsource_id, count(*) FROM {partition}
WHERE NOT is_reference AND refsource_id = ANY('{{{ids}}}') GROUP BY refsource_id
"""
FEW_SOURCES = 2000  # so many are looked up one by one; with more, all of a catalogue are read
PLACE_DTYPE = np.dtype([("refsource_id", "i8"), ("x", "f8"), ("y", "f8")])
TIMES_DTYPE = np.dtype([("refsource_id", "i8"), ("n", "i8")])


def reference_places(catalogues: Iterable[GalReference], refsource_ids: IntArray) -> np.ndarray:
    """PLACE_DTYPE of those of some sources, ids (n,) in order, that their references have."""
    columns = "x::float8, y::float8"
    return of_partitions(REFERENCE_ROWS, catalogues, refsource_ids, PLACE_DTYPE, columns=columns)


def times_measured(catalogues: Iterable[GalReference], refsource_ids: IntArray) -> IntArray:
    """(n,) on how many search images each source has a measurement; ids (n,) in order."""
    found = of_partitions(TIMES_MEASURED, catalogues, refsource_ids, TIMES_DTYPE)
    times = np.zeros(len(refsource_ids), int)
    times[np.searchsorted(refsource_ids, found["refsource_id"])] = found["n"]
    return times


def of_partitions(
    query: str,
    catalogues: Iterable[GalReference],
    refsource_ids: IntArray,
    dtype: np.dtype,
    **words: str,
) -> np.ndarray:
    """The rows of a query, for each catalogue with those of the sources, ids (n,) in order.

    The query names a {partition}, its {image} and {ids}, and what the other ``words`` give. The
    sources of other catalogues are left out; the rows are in no order.
    """
    queries = []
    for catalogue in catalogues:
        first, last = id_range(catalogue.pk)
        own = refsource_ids[slice(*np.searchsorted(refsource_ids, (first, last + 1)))]
        if len(own):
            ids = ",".join(map(str, own.tolist()))
            names = {"partition": catalogue.partition, "image": catalogue.image_id, "ids": ids}
            queries.append(query.format(**names, **words))
    return copy_out(" UNION ALL ".join(queries), dtype) if queries else np.zeros(0, dtype)


def rows_of_sources(table: str, refsource_ids: IntArray, dtype: np.dtype) -> np.ndarray:
    """Rows of a table, of ``dtype`` in order of their ids, with all of some sources (n,).

    Where these are many, with others of their catalogues.
    """
    columns = ", ".join(names_of(dtype))
    if len(refsource_ids) > FEW_SOURCES:
        catalogues = np.unique(catalogue_of(refsource_ids)).tolist()
        return rows_of_catalogues(table, columns, catalogues, dtype)
    ids = ",".join(map(str, refsource_ids.tolist()))
    query = f"SELECT {columns} FROM {table} WHERE refsource_id = ANY('{{{ids}}}')"
    return in_order_of_ids(copy_out(query, dtype))
