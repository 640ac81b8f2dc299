"""Filters of lists by numbers, read by the same rules as in forms."""

import django_filters

from exposures.input.form_fields import FloatField, IntegerField


class BoundedFilter(django_filters.NumberFilter):
    """By a number between the ``min_value`` and ``max_value`` of its field."""

    def get_max_validator(self):
        return None  # the field says itself what its bounds are


class IntegerFilter(BoundedFilter):
    """By a whole number; without bounds of its own one that an id can be."""

    field_class = IntegerField


class FloatFilter(BoundedFilter):
    """By a finite number."""

    field_class = FloatField
