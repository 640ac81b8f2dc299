"""Converters of ids in URLs."""

from exposures.input.numbers import BIGINT_MAX, parse_integer


class IdConverter:
    """An id in a URL; larger ones than 64 bits match nothing."""

    regex = "[0-9]{1,19}"

    def to_python(self, value):
        return parse_integer(value, 0, BIGINT_MAX)

    def to_url(self, value):
        return str(value)
