"""Whole numbers in queries and forms that have no form class; what is none is refused with 400."""

from django.core.exceptions import BadRequest

from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer


def integer_in(query, name, default, maximum=BIGINT_MAX):
    """The number from 0 that a QueryDict has under a name, ``default`` where it has none.

    Raises BadRequest where it is something else, or above ``maximum``.
    """
    text = query.get(name, "")
    return _integer(text, name, maximum) if text else default


def integers_in(query, name, maximum=BIGINT_MAX) -> list[int]:
    """All numbers from 0 that a QueryDict has under a name. Raises BadRequest."""
    return [_integer(text, name, maximum) for text in query.getlist(name)]


def _integer(text, name, maximum):
    try:
        return parse_integer(text, 0, maximum)
    except NumberError as error:
        raise BadRequest(f"{name}: {error}") from error
