"""The API's filters, made from a table's columns and bounded by their types."""

from django import forms
from django.db import connection, models
from django_filters import ChoiceFilter, ModelChoiceFilter
from django_filters.fields import ModelChoiceField
from django_filters.rest_framework import DjangoFilterBackend, FilterSet

from exposures.input.filters import FloatFilter, IntegerFilter
from exposures.input.form_fields import refusal
from exposures.input.numbers import NumberError, parse_integer


class RowField(ModelChoiceField):
    """A form field for a row of another table, by id."""

    def to_python(self, value):
        if value in self.empty_values:
            return None
        try:
            return super().to_python(parse_integer(value, 0))
        except NumberError as error:
            raise refusal(str(error)) from error


class RowFilter(ModelChoiceFilter):
    """A filter by a row of another table."""

    field_class = RowField


class TruthField(forms.TypedChoiceField):
    """A form field for true or false, or 1 or 0; anything else is an error."""

    def __init__(self, **options):
        choices = [("true", "yes"), ("false", "no"), ("1", "yes"), ("0", "no")]
        options |= {"choices": choices, "coerce": lambda text: text in ("true", "1")}
        super().__init__(empty_value=None, **options)

    def to_python(self, value):
        return super().to_python(value).lower()


class TruthFilter(ChoiceFilter):
    """A filter by a boolean column."""

    field_class = TruthField

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.extra.pop("null_value", None)


def _bounds(field):
    low, high = connection.ops.integer_field_range(field.get_internal_type())
    return {"min_value": low, "max_value": high}


INTEGERS = (
    *(models.AutoField, models.SmallIntegerField, models.IntegerField, models.BigIntegerField),
    *(models.PositiveSmallIntegerField, models.PositiveIntegerField),
    *(models.PositiveBigIntegerField, models.BigAutoField),
)
ROWS = FilterSet.FILTER_DEFAULTS[models.ForeignKey]


class BoundedFilterSet(FilterSet):
    """A filter set of a table's columns."""

    FILTER_DEFAULTS = {
        **FilterSet.FILTER_DEFAULTS,
        **{kind: {"filter_class": IntegerFilter, "extra": _bounds} for kind in INTEGERS},
        models.FloatField: {"filter_class": FloatFilter},
        models.BooleanField: {"filter_class": TruthFilter},
        models.ForeignKey: {**ROWS, "filter_class": RowFilter},
    }


class TableFilters(DjangoFilterBackend):
    """The filter backend of tables, set up by their views, which have the filter set then."""

    filterset_base = BoundedFilterSet

    def get_filterset(self, request, queryset, view):
        view.filterset = super().get_filterset(request, queryset, view)
        return view.filterset
