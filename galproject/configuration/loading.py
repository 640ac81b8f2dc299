"""The options of a run, from defaults, a TOML file, the environment and the command."""

import json
import logging
import os
import stat
import tomllib
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from math import isnan
from operator import attrgetter
from pathlib import Path

from django.conf import settings
from pydantic import ValidationError
from pydantic_core import from_json

from exposures.errors import GalprojectError
from galproject.configuration.descriptions import adapter, is_section, option_names, sections
from galproject.configuration.pipeline_options import FORMER_SECTIONS, PipelineOptions

PREFIX = "GALPROJECT_OPTION_"
LARGEST_FILE = 1_000_000  # bytes; a complete one has 30,000
SHOWN_CHARACTERS = 80  # of a value in a message

logger = logging.getLogger(__name__)


# Where pydantic would speak of predicates, of infinity, or of one limit of two.
OWN_WORDS = {
    "predicate_failed": "input should be {allowed}",
    "less_than": "input should be {allowed}",
    "greater_than": "input should be {allowed}",
    "greater_than_equal": "input should be {allowed}",
    "less_than_equal": "input should be {allowed}",
}


@dataclass(frozen=True)
class Setting:
    """A value for an option, with its origin."""

    value: object
    origin: str  # the file, the environment variable, or "default"


def load_options(**overrides) -> PipelineOptions:
    """Load the options of a run; nested ``overrides`` replace values, except by None.

    Raises GalprojectError that lists everything wrong in the file and the environment.
    """
    configured = configured_settings()
    for name, value in _flat(overrides):
        if value is not None:
            configured[name] = Setting(value, "the command")
    return _validated(configured)


def configured_settings() -> dict[str, Setting]:
    """The Settings from file and environment by dotted name; the environment prevails."""
    configured = {}
    if settings.GALPROJECT_OPTIONS:
        configured |= read_file(Path(settings.GALPROJECT_OPTIONS))
    if settings.GALPROJECT_CATALOGUE:
        configured["catalogue"] = Setting(settings.GALPROJECT_CATALOGUE, "GALPROJECT_CATALOGUE")
    for variable, text in sorted(os.environ.items()):
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower().replace("__", ".")
            configured[name] = Setting(_value(name, text), variable)
    return _with_absolute_path(configured, Path())


def read_file(path) -> dict[str, Setting]:
    """The Settings of a TOML file by dotted name; raises GalprojectError."""
    try:
        text = _text_of(path)
    except (OSError, ValueError) as error:
        raise GalprojectError(
            f"{path}: the options can't be read ({error}). Mend it or GALPROJECT_OPTIONS"
        ) from error
    try:
        tree = tomllib.loads(text)
        read = {name: Setting(value, str(path)) for name, value in _flat(tree)}
    except (ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else _shortened(error)
        raise GalprojectError(
            f"{path}: not TOML: {problem}. manage.py options --toml prints a complete file"
        ) from error
    return _with_absolute_path(read, path.parent)


def _text_of(path):
    """Read a plain file of limited size; raises OSError and ValueError."""
    # Not waited for, as a pipe would be until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("no plain file")
    with open(descriptor, "rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"more than {LARGEST_FILE} bytes, which no file of options has")
    return content.decode("utf-8-sig")


def _with_absolute_path(settings_read, folder):
    """Settings in which the catalogue's path is absolute."""
    setting = settings_read.get("catalogue")
    if setting is None or not isinstance(setting.value, str) or not setting.value:
        return settings_read
    path = folder.absolute() / os.path.expanduser(setting.value)
    return settings_read | {"catalogue": Setting(str(path), setting.origin)}


def check_file(path):
    """Raise GalprojectError that lists everything wrong in a TOML file."""
    _validated(read_file(Path(path)))


def options_from_json(stored) -> PipelineOptions:
    """The options stored with a result or a job by this or older code.

    Options that the older code didn't have get their defaults; options that no longer exist are
    left out, and named in the log.
    """
    if isinstance(stored, dict):
        stored = {FORMER_SECTIONS.get(name, name): value for name, value in stored.items()}
    try:
        options = adapter().validate_python(stored)
    except ValidationError as error:
        problems = "; ".join(_problem(fault) for fault in error.errors())
        raise GalprojectError(
            f"stored options are no longer valid: {problems}. Ask for it with others"
        ) from error
    gone = [
        f"{name} = {_shown(value)}" for name, value in _flat(stored) if name not in option_names()
    ]
    if gone:
        logger.warning("stored options that there are no more: %s", ", ".join(gone))
    return options


def completed(stored, defaults=None) -> dict:
    """Stored options as JSON, completed by defaults of options added since.

    Options that no longer exist are left out, so that equal results mean equal requests.
    """
    defaults = _defaults() if defaults is None else defaults
    return {
        name: completed(stored.get(name) or {}, default)
        if isinstance(default, dict)
        else stored.get(name, default)
        for name, default in defaults.items()
    }


@cache
def _defaults():
    return PipelineOptions().as_json()


def _validated(given):
    problems = [
        f"{setting.origin}: {_unknown(name)}"
        for name, setting in given.items()
        if name not in option_names()
    ]
    known = {name: setting for name, setting in given.items() if name in option_names()}
    problems += _without_json(known)
    values = {name: setting.value for name, setting in known.items()}
    try:
        options = _options_with(json.dumps(values, default=str))
    except ValidationError as error:
        for fault in error.errors():
            origin = known[_name(fault)].origin
            problems.append(f"{origin}: {_problem(fault)}")
    if problems:
        raise GalprojectError("\n".join(["options that can't be used:", *problems]))
    return options


@lru_cache
def _options_with(values):
    """The defaults but for values by dotted name, in JSON; made once, as each file opened asks."""
    tree = deepcopy(_defaults())
    for name, value in json.loads(values).items():
        *parents, last = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch[parent]
        branch[last] = value
    # Strict, or true would be 1 sigma; only what comes as JSON may then be a dictionary.
    return adapter().validate_json(json.dumps(tree), strict=True)


def _without_json(known):
    """Report and remove values that JSON can't hold, which no option may have."""
    problems = []
    for name, setting in list(known.items()):
        try:
            from_json(json.dumps(setting.value, default=str))
        except (ValueError, RecursionError):  # half a surrogate pair, digits, or brackets
            problems.append(f"{setting.origin}: {name} = {_shown(setting.value)}: no such value")
            del known[name]
    return problems


def _unknown(name):
    if is_section(name):
        return f"{name}: a section, not an option; manage.py options --toml prints its options"
    section, _, rest = name.partition(".")
    if present := FORMER_SECTIONS.get(section):
        name = f"{present}.{rest}" if rest else present
        return f"{_shortened(section)}: this section is called [{present}] now: {_shortened(name)}"
    near = get_close_matches(name, option_names(), n=1)
    hint = f"did you mean {near[0]}?" if near else "manage.py options lists them"
    name = name if name.isprintable() else repr(name)
    return f"{_shortened(name)}: there is no such option; {hint}"


def _problem(fault):
    """A fault that pydantic found, as a message."""
    name = _name(fault)
    facts = {option.name: option for section in sections() for option in section.options}
    if name not in facts:
        place = ".".join(map(str, fault["loc"])) or "all"
        return f"{place} = {_shown(fault['input'])}: not a section"
    unit, allowed = facts[name].unit, facts[name].allowed
    of_unit = f" ({unit})" if unit not in ("text", "count") else ""
    problem = OWN_WORDS.get(fault["type"], fault["msg"]).replace("{allowed}", allowed)
    if isinstance(fault["input"], float) and isnan(fault["input"]):
        problem = "input should be a finite number"
    return f"{name} = {_shown(fault['input'])}: {problem[0].lower()}{problem[1:]}{of_unit}"


def _shown(value):
    try:
        return _shortened(repr(value))
    except (ValueError, RecursionError):  # too many digits, or brackets
        return "..."


def _shortened(text):
    text = str(text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _name(fault):
    # Where a field may also be None, pydantic adds which of the two it tried.
    parts = [str(part) for part in fault["loc"]]
    while parts and ".".join(parts) not in option_names():
        parts.pop()
    return ".".join(parts)


def _flat(tree, prefix=""):
    """Dotted names and values of nested dictionaries."""
    for name, value in tree.items():
        if isinstance(value, dict) and (value or is_section(f"{prefix}{name}")):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _value(name, text):
    """A variable's value parsed as TOML; text if it isn't TOML or the option is text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # it is no TOML, or what no option is
        return text
    is_text = name in option_names() and isinstance(attrgetter(name)(PipelineOptions()), str)
    if len(parsed) > 1 or (is_text and not isinstance(parsed["value"], str)):
        return text
    return parsed["value"]
