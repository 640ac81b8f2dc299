"""A result, and another value of an option with which it is another."""

from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache

import numpy as np

from galproject.configuration.pipeline_options import PipelineOptions


@dataclass(frozen=True)
class Effect:
    """That a result differs when an option has another value."""

    value: object  # other than the default; or a function that gives it
    # From PipelineOptions to arrays, numbers or texts. Those of the database read the options in
    # force, which are the same.
    result: Callable
    given: dict = field(default_factory=dict)  # other options, with both values


def changes(result, value, **given) -> Effect:
    """That ``value`` changes the ``result``, where ``given`` are the options of the same section.

    Options of other sections are given with their dotted names, by ``**{"a.b": 1}``.
    """
    return Effect(value, result, given)


def settings_of(name, effect, is_changed) -> dict:
    """{dotted name: value} of what is set, with the option's other value or without."""
    section = name.rpartition(".")[0]
    settings = {
        other if "." in other else f"{section}.{other}": value
        for other, value in effect.given.items()
    }
    value = effect.value() if callable(effect.value) else effect.value
    return settings | ({name: value} if is_changed else {})


def with_settings(settings) -> PipelineOptions:
    """The defaults but for some options."""
    options = PipelineOptions()
    for name, value in settings.items():
        options = _with(options, name.split("."), value)
    return options


def _with(options, path, value):
    first, *rest = path
    value = _with(getattr(options, first), rest, value) if rest else value
    return replace(options, **{first: value})


@cache
def measured(result, options):
    """The result with these options, such that two can be compared."""
    return comparable(result(options))


def comparable(value):
    """Nested tuples of what a result holds, equal where the results are; NaN equals NaN."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return tuple((key, comparable(one)) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(comparable, value))
    return repr(value)
