"""Plain values for JSON and for columns, which have None where numpy has NaN."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np


def none_if_nan(value: Any) -> Any:
    """None for NaN, any other value as it is."""
    # Only NaN differs from itself: this takes values that are no numbers, too.
    return None if value != value else value


def plain_rows(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield a dict for each row of equally long columns (n,), of Python's own scalars.

    psycopg2 adapts these, and none of numpy's.
    """
    lists = [np.asarray(column).tolist() for column in columns.values()]
    for row in zip(*lists, strict=True):
        yield dict(zip(columns, row, strict=True))


def nullable_rows(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Yield the rows of columns (n,) in which NaN means unknown, so NULL."""
    for row in plain_rows(columns):
        yield {name: none_if_nan(value) for name, value in row.items()}


def finite(value):
    """The same value, in which numbers that aren't finite are None, however nested it is."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
