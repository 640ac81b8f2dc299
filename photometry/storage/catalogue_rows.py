"""Rows of several catalogues out of one table, by one statement."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import DTypeLike

from exposures.binary_copy import copy_out
from exposures.source_ids import MAX_SOURCES, RANK_BITS

# Ordered, each range is read by the index, however many rows PostgreSQL expects of it.
ROWS = f"""
SELECT {{columns}} FROM unnest('{{{{{{catalogues}}}}}}'::bigint[]) AS catalogue CROSS JOIN LATERAL (
    SELECT * FROM {{table}} WHERE refsource_id BETWEEN catalogue << {RANK_BITS}
        AND (catalogue << {RANK_BITS}) + {MAX_SOURCES - 1} ORDER BY refsource_id
) AS s
"""


def rows_of_catalogues(
    table: str, columns: str, catalogue_ids: Iterable[int], dtype: DTypeLike
) -> np.ndarray:
    """Columns of a table's rows about the sources of catalogues, (n,) of ``dtype``, by their ids.

    The table has an index of ``refsource_id``; ``columns`` are SQL, typed as ``dtype`` and never
    NULL.
    """
    catalogues = ",".join(map(str, sorted(set(catalogue_ids))))
    rows = copy_out(ROWS.format(table=table, columns=columns, catalogues=catalogues), dtype)
    return in_order_of_ids(rows)


def in_order_of_ids(rows: np.ndarray) -> np.ndarray:
    """Rows (n,) in order of their ``refsource_id``, as most come anyway."""
    ids = rows["refsource_id"]
    return rows if np.all(ids[:-1] <= ids[1:]) else rows[np.argsort(ids, kind="stable")]
