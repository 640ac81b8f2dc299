"""Filters by numbers, read by the same rules as in forms."""

import django_filters

from exposures.input.form_fields import FloatField, IntegerField


class BoundedFilter(django_filters.NumberFilter):
    """A filter by a number between the ``min_value`` and ``max_value`` of its field."""

    def get_max_validator(self):
        return None  # the field says itself what its bounds are


class IntegerFilter(BoundedFilter):
    """A filter by a whole number, by default in the range of ids."""

    field_class = IntegerField


class FloatFilter(BoundedFilter):
    """A filter by a finite number."""

    field_class = FloatField
