"""Form fields for numbers with bounds, read by the same rules everywhere."""

from django import forms
from django.core.exceptions import ValidationError

from exposures.input.numbers import (
    BIGINT_MAX,
    NUMBER_MAX,
    NumberError,
    parse_integer,
    parse_number,
)


def refusal(words, code="invalid") -> ValidationError:
    """A validation error with this message, in which percent signs have no meaning.

    Some who show errors take a "%" in the words themselves for the place of a parameter.
    """
    return ValidationError("%(words)s", code, {"words": words})


def complaints_of(form) -> str:
    """The errors of a form in one line, each after its field's name."""
    return " ".join(f"{name}: {error}" for name, errors in form.errors.items() for error in errors)


class _Bounded:
    """A field that reads by ``parse``, whose messages name the problem and the bounds."""

    def to_python(self, value):
        if value in self.empty_values:
            return None
        try:
            return self.parse(value, self.min_value, self.max_value)
        except NumberError as error:
            raise refusal(str(error)[:1].upper() + str(error)[1:]) from error


class IntegerField(_Bounded, forms.IntegerField):
    """A field for a whole number, by default in the range of ids."""

    parse = staticmethod(parse_integer)

    def __init__(self, *, min_value=-BIGINT_MAX, max_value=BIGINT_MAX, **options):
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def widget_attrs(self, widget):
        return _without_wide(super().widget_attrs(widget), BIGINT_MAX)


class FloatField(_Bounded, forms.FloatField):
    """A field for a finite number."""

    parse = staticmethod(parse_number)

    def __init__(self, *, min_value=-NUMBER_MAX, max_value=NUMBER_MAX, **options):
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def widget_attrs(self, widget):
        return _without_wide(super().widget_attrs(widget), NUMBER_MAX)


def _without_wide(attributes, widest):
    """Widget attributes without the default bounds."""
    return {
        name: value
        for name, value in attributes.items()
        if not (name in ("min", "max") and abs(value) == widest)
    }
