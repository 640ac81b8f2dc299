"""The part of the filters' form that has all columns, by topic."""

from dataclasses import dataclass
from itertools import groupby

from variables.candidates.conditions import Condition, each_column
from variables.candidates.line_names import short_name


@dataclass(frozen=True)
class Choice:
    """A value that can be asked for."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class MoreFilter:
    """What the form shows of a column."""

    condition: Condition
    choices: tuple[Choice, ...]  # none of ranges and texts

    @property
    def name(self) -> str:
        """Its name in lines."""
        return short_name(self.condition.of.key)

    @property
    def words(self) -> str:
        """The words by which it is found."""
        column = self.condition.of
        words = self.name, column.key, column.column.heading, column.column.meaning, column.topic
        return " ".join(words).lower()


@dataclass(frozen=True)
class Topic:
    """Columns of one topic."""

    title: str
    filters: tuple[MoreFilter, ...]


def topics_of(data, choices) -> list[Topic]:
    """All columns by topic, with what an address asks of each.

    ``choices`` are those of some columns, by key; others are listed by the columns themselves.
    """
    grouped = groupby(each_column(data), key=lambda condition: condition.of.topic)
    return [
        Topic(title, tuple(_shown(condition, choices) for condition in conditions))
        for title, conditions in grouped
    ]


def _shown(condition, known_choices):
    chosen = set(condition.values)
    listed = known_choices.get(condition.of.key)
    choices = condition.of.choices if listed is None else listed
    shown = (Choice(value, label, value in chosen) for value, label in choices)
    return MoreFilter(condition, tuple(shown))
