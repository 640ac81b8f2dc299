"""Light curves as arrays, read fast from galsources.

The querysets of GalSource give objects, and all that is known of each.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from django.db import connection

from exposures.binary_copy import copy_out
from exposures.science.arrays import Float
from photometry.models import GalSource
from photometry.storage.columns import source_dtype
from photometry.storage.storage import NON_DETECTIONS, by_source

MEASURED = ("mag", "mag_err")


def light_curve(refsource_id: int, columns: Sequence[str] = MEASURED) -> np.ndarray:
    """All measurements of a source, oldest first; empty for an unknown id.

    A structured array (n_epochs,) of ``mjd`` and ``columns``, which are named, typed and in the
    units of galsources (``columns.SOURCE_DTYPE``).
    """
    names = ("mjd", *columns)
    rows = copy_out(
        f"SELECT {', '.join(names)} FROM galsources WHERE refsource_id = {int(refsource_id)}",
        source_dtype(names),
    )
    return rows.take(rows["mjd"].argsort(kind="stable"))


def light_curves(refsource_ids: Iterable[int], columns: Sequence[str] = MEASURED) -> np.ndarray:
    """All measurements of several sources with ``refsource_id``, by source and time."""
    names = ("refsource_id", "mjd", *columns)
    ids = ", ".join(str(int(i)) for i in refsource_ids) or "NULL"
    query = f"SELECT {', '.join(names)} FROM galsources WHERE refsource_id IN ({ids})"
    return by_source(copy_out(query, source_dtype(names)))


def epochs(refsource_ids: Iterable[int], columns: Sequence[str] = MEASURED) -> np.ndarray:
    """All epochs of several sources, non-detections included, by source and time.

    With ``is_detected`` and ``limit_mag``, the upper limit of those that were not (their mag is
    NaN); that is NaN, too, of what was detected and where too few pixels were usable to tell.
    """
    names = ("refsource_id", "mjd", *columns)
    ids = ", ".join(str(int(i)) for i in refsource_ids) or "NULL"
    query = " UNION ALL ".join(
        f"SELECT {', '.join(names)}, {more} FROM {table} WHERE refsource_id IN ({ids})"
        for table, more in (
            ("galsources", "true, 'NaN'::real"),
            (NON_DETECTIONS, "false, limit_mag"),
        )
    )
    return by_source(copy_out(query, _dtype_of_epochs(names)))


def cone_light_curves(
    ra: Float,
    dec: Float,
    radius_arcsec: float,
    columns: Sequence[str] = MEASURED,
) -> np.ndarray:
    """All measurements of sources within a radius of a position in degrees, by source and time."""
    names = ("refsource_id", "mjd", *columns)
    position = f"{float(ra)!r}, {float(dec)!r}, {float(radius_arcsec)!r}"
    query = (
        f"SELECT * FROM galsources_cone_measurements({position}, '{', '.join(names)}')"
        f" AS s ({_definitions(names)})"
    )
    return by_source(copy_out(query, source_dtype(names)))


@lru_cache
def _dtype_of_epochs(names: tuple[str, ...]) -> np.dtype:
    return np.dtype([*source_dtype(names).descr, ("is_detected", "?"), ("limit_mag", "f4")])


@lru_cache
def _definitions(names: tuple[str, ...]) -> str:
    """The columns with their types, in SQL."""
    types = {field.column: field.db_type(connection) for field in GalSource._meta.concrete_fields}
    return ", ".join(f"{name} {types[name]}" for name in names)
