"""What can be asked of each column of candidates that exports have."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from django.db import models

from exposures.input.numbers import BIGINT_MAX, INTEGER_MAX, SMALLINT_MAX
from exposures.models import GalExposure
from variables.candidates.columns import OBJECT_COLUMNS, OPINIONS, TOPICS, Column
from variables.models import Cut, GalCandidate, TaxonomyClass

YES, NO = "yes", "no"
TRUTHS = ((YES, "yes"), (NO, "no"))
# Hidden or shown by a filter of its own.
LEFT_OUT = ("is_flagged",)
# Bits of a number, each by a word.
CUTS = tuple((cut.name.lower().replace("_", "-"), cut.label) for cut in Cut)
WHOLE_NUMBERS = {
    models.BigIntegerField: BIGINT_MAX,
    models.PositiveSmallIntegerField: SMALLINT_MAX,
    models.PositiveIntegerField: INTEGER_MAX,
}


class Asked(Enum):
    """How a column is asked for."""

    NUMBER = "a range of numbers"
    WHOLE = "a range of whole numbers"
    CHOICES = "some of its values"
    TRUTH = "yes or no"
    TEXT = "its beginning"


@dataclass(frozen=True)
class FilterColumn:
    """A column with what can be asked of it."""

    column: Column
    topic: str
    asked: Asked
    may_be_empty: bool  # without a value, of some candidates
    listed_choices: Callable[[], list]  # (value, label) of each, where these are asked for
    maximum: int = BIGINT_MAX  # of whole numbers

    @property
    def key(self) -> str:
        """Its name in addresses, as in exports."""
        return self.column.key

    @property
    def is_opinion(self) -> bool:
        """Whether people said it, which not everybody may know of each candidate yet."""
        return self.column.name in OPINIONS

    @property
    def is_range(self) -> bool:
        return self.asked in (Asked.NUMBER, Asked.WHOLE)

    @property
    def is_text(self) -> bool:
        return self.asked is Asked.TEXT

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The values that there are now, with their labels."""
        return list(self.listed_choices())


def filters_there_are():
    """The filters in which there are exposures, as choices of a form."""
    names = GalExposure.objects.order_by("filter").values_list("filter", flat=True).distinct()
    return [(name, name) for name in names]


def classes_there_are():
    """The classes of the current taxonomy as choices of a form, after what has none."""
    current = TaxonomyClass.objects.filter(taxonomy__is_current=True, parent=None)
    return [("none", "no class yet"), ("disputed", "disputed")] + [
        (slug, label) for slug, label in current.values_list("slug", "label")
    ]


def field_of(column: Column) -> models.Field:
    """The field of GalCandidate, or of a table that it leads to, that a column shows."""
    model, name = GalCandidate, column.name
    while "__" in name:
        relation, _, name = name.partition("__")
        model = model._meta.get_field(relation).related_model
    return model._meta.get_field(name)


@cache
def filter_columns() -> dict[str, FilterColumn]:
    """All columns that can be asked for, by their keys, in the order of exports.

    Those of which the values are put together when they are read are not among them.
    """
    topics = TOPICS | {"star in all filters": OBJECT_COLUMNS[:1]}
    found = [
        _filter_column(column, topic)
        for topic, columns in topics.items()
        for column in columns
        if column.name not in LEFT_OUT
    ]
    return {one.key: one for one in found}


LISTED_CHOICES = {
    "filter": filters_there_are,
    "consensus__slug": classes_there_are,
    "failed_cuts": lambda: list(CUTS),
}


def _filter_column(column, topic):
    field = field_of(column)
    choices = LISTED_CHOICES.get(column.name)
    if choices is None and field.choices:
        choices = _choices_of(field)
    if choices is not None:
        return FilterColumn(column, topic, Asked.CHOICES, False, choices)
    if isinstance(field, models.BooleanField):
        return FilterColumn(column, topic, Asked.TRUTH, False, lambda: list(TRUTHS))
    asked = {models.FloatField: Asked.NUMBER, models.TextField: Asked.TEXT}
    maximum = next((m for of, m in WHOLE_NUMBERS.items() if isinstance(field, of)), BIGINT_MAX)
    kind = asked.get(type(field), Asked.WHOLE)
    return FilterColumn(column, topic, kind, field.null, list, maximum)


def _choices_of(field):
    return lambda: [(str(value), str(label)) for value, label in field.flatchoices]
