"""Whole numbers in query strings without a form class; others are refused with 400."""

from django.core.exceptions import BadRequest

from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer


def integer_in(query, name, default, maximum=BIGINT_MAX):
    """A non-negative number in a QueryDict, or ``default`` if absent. Raises BadRequest.

    Raises BadRequest where it is something else, or above ``maximum``.
    """
    text = query.get(name, "")
    return _integer(text, name, maximum) if text else default


def integers_in(query, name, maximum=BIGINT_MAX) -> list[int]:
    """All non-negative numbers under a name in a QueryDict. Raises BadRequest."""
    return [_integer(text, name, maximum) for text in query.getlist(name)]


def _integer(text, name, maximum):
    try:
        return parse_integer(text, 0, maximum)
    except NumberError as error:
        raise BadRequest(f"{name}: {error}") from error
