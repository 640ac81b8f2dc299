"""What the API's list of candidates can be asked for beside the filters' own parameters."""

from drf_spectacular.utils import OpenApiParameter

from variables.candidates.conditions import NEGATED, names_of
from variables.candidates.filter_columns import Asked, FilterColumn, filter_columns

TYPES = {Asked.NUMBER: float, Asked.WHOLE: int}


def _parameters(column: FilterColumn):
    for name in names_of(column):
        is_bound = name.endswith(("_min", "_max"))
        yield OpenApiParameter(
            name,
            TYPES[column.asked] if is_bound else str,
            many=name.endswith("_in"),
            explode=True,
            description=column.column.meaning,
        )


CONDITIONS = [
    *(parameter for column in filter_columns().values() for parameter in _parameters(column)),
    OpenApiParameter(
        NEGATED,
        str,
        many=True,
        explode=True,
        description="columns, such as n_epochs, of which the contrary is asked for",
    ),
]
