"""Numbers from outside, checked for length and bounds before any computation."""

import math
import re

from exposures.errors import GalprojectError

SMALLINT_MAX = 2**15 - 1
INTEGER_MAX = 2**31 - 1
BIGINT_MAX = 2**63 - 1  # of a column for ids
NUMBER_MAX = 1e30  # far above any quantity here, and far below where single precision ends
MAX_LENGTH = 64  # characters; more say nothing, and take long to compute with

# Neither underscores nor the digits of other scripts, which Python reads: people mean none of them.
INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class NumberError(GalprojectError, ValueError):
    """A text that isn't a number within bounds; the message says why."""


def parse_integer(text, minimum=-BIGINT_MAX, maximum=BIGINT_MAX) -> int:
    """Parse a whole number within bounds.

    Raises NumberError if it is none, or beyond ``minimum`` or ``maximum``.
    """
    written = _written(text)
    if not INTEGER.fullmatch(written):
        raise NumberError(f"{_quoted(written)} is not a whole number")
    return _bounded(int(written.partition(".")[0]), minimum, maximum)


def parse_number(text, minimum=-NUMBER_MAX, maximum=NUMBER_MAX) -> float:
    """Parse a finite number within bounds; raises NumberError."""
    written = _written(text)
    if not DECIMAL.fullmatch(written):
        raise NumberError(f"{_quoted(written)} is not a number")
    return _bounded(float(written), minimum, maximum)


def _written(value):
    """The text of a text or number; other types, such as True, aren't numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise NumberError("that is not a number")
    # Python refuses to write integers of thousands of digits.
    if _is_long(value):
        raise NumberError(f"the number has more than {MAX_LENGTH} characters")
    return str(value).strip()


def _is_long(value):
    if isinstance(value, int):
        return abs(value) >= 10**MAX_LENGTH
    return len(str(value)) > MAX_LENGTH


def _bounded(number, minimum, maximum):
    if math.isfinite(number) and minimum <= number <= maximum:
        return number
    if maximum in (BIGINT_MAX, NUMBER_MAX) and minimum == -maximum:
        raise NumberError("the number is too large")
    raise NumberError(f"the number has to be from {_plain(minimum)} to {_plain(maximum)}")


def _plain(bound):
    """A bound in the form that people write."""
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:,g}"


def _quoted(text):
    """A quoted text with invisible and confusable characters escaped."""
    return repr(text) if text.isascii() else ascii(text)
