"""Values for JSON, which has no NaN and no infinity."""

from math import isfinite


def finite(value):
    """The same value, in which numbers that aren't finite are None, however nested it is."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
