"""Template tags for small pictures in lists."""

from django import template
from django.utils.html import format_html

register = template.Library()


@register.simple_tag
def small_picture(exposure_id, addresses):
    """The small picture of an exposure; nothing where it has none."""
    address = addresses.get(exposure_id) if addresses else None
    if not address:
        return ""
    # What it shows is in the row beside it.
    image = '<img class="thumbnail" src="{}" alt="" loading="lazy" height="48">'
    return format_html(image, address)
