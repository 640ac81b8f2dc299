"""Fields of the candidates' filters: positions, lines, and conditions on columns."""

import django_filters
from django import forms

from exposures.input.form_fields import refusal
from exposures.science.positions import PositionError, read_position
from variables.candidates.conditions import conditions_of
from variables.candidates.line import MAX_LENGTH, LineError
from variables.candidates.line_names import parameters_of


class PositionField(forms.CharField):
    """A form field for a position in any common notation, cleaned to ra, dec in degrees."""

    def clean(self, value):
        text = super().clean(value)
        try:
            return read_position(text) if text else None
        except PositionError as error:
            raise refusal(str(error)) from error


class PositionFilter(django_filters.Filter):
    """A filter by position that keeps the typed text if it can't be read."""

    field_class = PositionField


class LineField(forms.CharField):
    """A form field for a line that says all filters; the error says which word is wrong."""

    def __init__(self, *, filters, **options):
        super().__init__(max_length=MAX_LENGTH, **options)
        self.filters = filters

    def clean(self, value):
        text = super().clean(value)
        try:
            parameters_of(text, self.filters)
        except LineError as error:
            raise refusal(str(error)) from error
        return text


class LineFilter(django_filters.Filter):
    """A filter by a line, which stands for the parameters that it says."""

    field_class = LineField

    @property
    def field(self):
        """The field, which reads names of the other filters."""
        return LineField(filters=self.parent.base_filters, label=self.label, required=False)

    def filter(self, candidates, value):
        return candidates


class ConditionsForm(forms.Form):
    """The filters' form with conditions on columns, which have no fields of their own."""

    def clean(self):
        complaints = [condition.complaint() for condition in conditions_of(self.data)]
        if told := [refusal(complaint) for complaint in complaints if complaint]:
            raise forms.ValidationError(told)
        return super().clean()
