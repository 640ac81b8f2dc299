"""Numbers of reports as text."""

import math

from django import template

register = template.Library()


@register.filter
def number(value, decimals: int) -> str:
    """A number with so many decimals; a dash where it is unknown."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.{decimals}f}"
