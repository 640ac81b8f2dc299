"""Descriptions of the options: default, unit, range and meaning.

Everything is read from the dataclasses themselves: unit and range from a field's type, the meaning
from its description, which pydantic takes from the docstring below the field.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import get_args, get_type_hints

from annotated_types import Interval, MaxLen, Predicate
from pydantic import TypeAdapter

from exposures.science.quantities import Unit
from galproject.configuration.pipeline_options import PipelineOptions


@dataclass(frozen=True)
class OptionFacts:
    """The facts about an option."""

    name: str  # "selection.threshold_sigma"
    default: object
    unit: str
    allowed: str  # "more than 0, at most 10000"
    interval: Interval | None  # what of numbers is allowed; None if it is none
    meaning: str


@dataclass(frozen=True)
class SectionFacts:
    """The facts about a section of options."""

    name: str  # "reduction.sky"; "" for those of no section
    meaning: str
    options: tuple[OptionFacts, ...]


@cache
def adapter() -> TypeAdapter:
    """What checks all options; made when it is first asked for, which takes a while."""
    return TypeAdapter(PipelineOptions)


@cache
def sections() -> tuple[SectionFacts, ...]:
    """Every option, by section."""
    schema = adapter().json_schema()
    return tuple(_sections(PipelineOptions(), schema, schema["$defs"]))


@cache
def option_names() -> tuple[str, ...]:
    """The dotted names of all options."""
    return tuple(_names(PipelineOptions()))


def _names(options, prefix=""):
    for field in fields(options):
        value, name = getattr(options, field.name), f"{prefix}{field.name}"
        if is_dataclass(value):
            yield from _names(value, f"{name}.")
        else:
            yield name


def is_section(name) -> bool:
    """Whether a dotted name is that of a section."""
    return any(option.startswith(f"{name}.") for option in option_names())


def _sections(defaults, schema, definitions, prefix="", difference="") -> Iterator[SectionFacts]:
    """The sections of options of a class, of which ``schema`` is pydantic's, and of those below."""
    kind = type(defaults)
    hints = get_type_hints(kind, include_extras=True)
    here, below = [], []
    for field in fields(kind):
        value, name = getattr(defaults, field.name), f"{prefix}{field.name}"
        described = schema["properties"][field.name]
        meaning = " ".join(described.get("description", "").split())
        if is_dataclass(value):
            definition = definitions[described["$ref"].rpartition("/")[2]]
            below.append((value, definition, definitions, f"{name}.", meaning))
        else:
            here.append(OptionFacts(name, value, *_of_type(hints[field.name]), meaning))
    if here:
        # The field's description tells sections of one class from each other.
        meaning = " ".join(filter(None, [inspect.getdoc(kind), difference]))
        yield SectionFacts(prefix.rstrip("."), meaning, tuple(here))
    for section in below:
        yield from _sections(*section)


def _of_type(hint):
    """Unit, range in words, and range of an annotated type, which may be optional."""
    annotations = _annotations(hint)
    unit = next((a.name for a in annotations if isinstance(a, Unit)), "")
    interval = next((a for a in annotations if isinstance(a, Interval)), None)
    return unit, ", ".join(filter(None, map(_range, annotations))), interval


def _annotations(hint):
    if hasattr(hint, "__metadata__"):
        return hint.__metadata__
    return tuple(a for part in get_args(hint) for a in _annotations(part))


def _range(annotation):
    if isinstance(annotation, Predicate):
        return annotation.func.__name__.removeprefix("is_")
    if isinstance(annotation, MaxLen):
        return f"at most {annotation.max_length} characters"
    if isinstance(annotation, Unit):
        return ""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    limits = ((word, getattr(annotation, name)) for name, word in words.items())
    return ", ".join(f"{word} {_number(limit)}" for word, limit in limits if limit is not None)


def _number(limit):
    """A number as text, with all digits of an integer."""
    return f"{limit:d}" if isinstance(limit, int) else f"{limit:g}"
