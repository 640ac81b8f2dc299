"""Values for JSON, which has no NaN and no infinity, and for columns, where unknown is NULL."""

from math import isfinite


def none_if_nan(value):
    """None for NaN, any other value as it is."""
    # Only NaN differs from itself: this takes values that are no numbers, too.
    return None if value != value else value


def finite(value):
    """The same value, in which numbers that aren't finite are None, however nested it is."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
