"""What addresses have in them: ids that a database can hold."""

from exposures.input.numbers import BIGINT_MAX, parse_integer


class IdConverter:
    """An id in an address; nothing is at an address with one beyond 64 bits."""

    regex = "[0-9]{1,19}"

    def to_python(self, value):
        return parse_integer(value, 0, BIGINT_MAX)

    def to_url(self, value):
        return str(value)
