"""The reading of API requests: bounded JSON and numbers."""

from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser

from exposures.input.json_text import JSONError, read_json
from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer, parse_number


class JSONParser(BaseParser):
    """A parser of JSON bodies, whose errors say where a value can't be accepted."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            return read_json(stream.read())
        except JSONError as error:
            raise ParseError(str(error)) from error


class IdField(serializers.IntegerField):
    """The id of a row."""

    def __init__(self, **options):
        super().__init__(min_value=0, max_value=BIGINT_MAX, **options)

    def to_internal_value(self, data):
        return _read(parse_integer, data, 0, BIGINT_MAX)


class NumberField(serializers.FloatField):
    """A finite number between ``min_value`` and ``max_value``."""

    def to_internal_value(self, data):
        return _read(parse_number, data, self.min_value, self.max_value)


def _read(parse, data, *bounds):
    try:
        return parse(data, *bounds)
    except NumberError as error:
        raise ValidationError(str(error)) from error
