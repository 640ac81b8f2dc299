"""JSON from outside: standard JSON of bounded depth and numbers."""

import json
import math

from exposures.errors import GalprojectError
from exposures.input.numbers import BIGINT_MAX, MAX_LENGTH
from exposures.input.text import TextError, check_text

MAX_DEPTH = 20


class JSONError(GalprojectError, ValueError):
    """A text that isn't acceptable JSON; the message says where and why."""


def read_json(body):
    """Parse a request's JSON, given as UTF-8 bytes or text.

    Raises JSONError for NaN and infinities, integers beyond 64 bits, texts with NUL or half a
    surrogate pair, and what is nested deeper than MAX_DEPTH.
    """
    try:
        text = body if isinstance(body, str) else body.decode()
        found = json.loads(text, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise JSONError("The JSON is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise JSONError(f"This is no JSON: {error}") from error
    except RecursionError as error:
        raise JSONError(f"The JSON is nested deeper than {MAX_DEPTH} levels") from error
    try:
        _check(found)
    except TextError as error:
        raise JSONError(str(error)) from error
    return found


def _integer(text):
    """An integer of JSON; infinity if it is too long to be parsed quickly."""
    return int(text) if len(text) <= MAX_LENGTH else math.inf


def _check(found):
    """Check all values and names of members, without recursion."""
    waiting = [("", found, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise JSONError(f"The JSON is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for name, one in value.items():
                check_text(name, f"a name in {place or 'the object'}")
                waiting.append((f"{place}.{name}".lstrip("."), one, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{place}[{k}]", one, depth + 1) for k, one in enumerate(value)]
        else:
            _check_value(place or "the whole", value)


def _check_value(place, value):
    if isinstance(value, str):
        check_text(value, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise JSONError(f"{place}: the number is too large, or none")
    elif isinstance(value, int) and abs(value) > BIGINT_MAX:
        raise JSONError(f"{place}: the number is too large")
