"""Template tags for the pages with pictures of the survey, which share an entry of the head."""

from django import template
from django.urls import reverse

register = template.Library()
PAGES = {
    "coverage": "Coverage",
    "quality": "Quality",
    "diagrams": "Diagrams",
    "gallery": "Gallery",
    "completeness": "Completeness",
    "nights": "Nights",
}


@register.simple_tag
def is_of_survey(path) -> bool:
    """Whether a path is that of one of the pages, or of something below it."""
    return any(path.startswith(reverse(name)) for name in PAGES)


@register.inclusion_tag("galproject/_survey_pages.html")
def survey_pages(page):
    """Links to all of the pages, one of which is shown."""
    return {"pages": [(name, label, name == page) for name, label in PAGES.items()]}
