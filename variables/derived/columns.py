"""Columns of tables that have a row of some sources, for sources in a given order."""

from collections.abc import Sequence

import numpy as np

from exposures.binary_copy import copy_out
from exposures.science.arrays import FloatArray, IntArray

# As text in between, as numbers of 4 bytes are read everywhere else.
SELECT = """
SELECT refsource_id, {columns} FROM {table} WHERE refsource_id = ANY('{{{ids}}}') AND {where}
"""


def columns_of(
    table: str, refsource_ids: IntArray, names: Sequence[str], where: str = "true"
) -> FloatArray:
    """(n_names, n) numbers of the sources (n,), by id, NaN of those without one, or without a row.

    Of each source one row of the table fits ``where`` at most.
    """
    dtype = np.dtype([("refsource_id", "i8"), *((name, "f8") for name in names)])
    query = SELECT.format(
        columns=", ".join(f"coalesce({name}::text, 'NaN')::float8" for name in names),
        table=table,
        ids=",".join(map(str, refsource_ids.tolist())),
        where=where,
    )
    rows = copy_out(query, dtype)
    columns = np.full((len(names), len(refsource_ids)), np.nan)
    place = np.searchsorted(refsource_ids, rows["refsource_id"])
    for column, name in zip(columns, names, strict=True):
        column[place] = rows[name]
    return columns
