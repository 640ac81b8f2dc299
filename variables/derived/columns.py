"""Columns of tables that have a row of some sources, for sources in a given order."""

from collections.abc import Sequence

import numpy as np
from django.db.models import QuerySet

from exposures.science.arrays import FloatArray, IntArray


def columns_of(rows: QuerySet, refsource_ids: IntArray, names: Sequence[str]) -> FloatArray:
    """(n_names, n) numbers of the sources (n,), NaN of those without one, or without a row.

    ``rows`` have one of each source at most, and its ``refsource_id``.
    """
    of_these = rows.filter(refsource_id__in=refsource_ids.tolist())
    found = {pk: values for pk, *values in of_these.values_list("refsource_id", *names)}
    nothing = [np.nan] * len(names)
    columns = np.array([found.get(pk, nothing) for pk in refsource_ids.tolist()], float)
    return columns.reshape(-1, len(names)).T
