"""Template tags that show what people say beside their votes."""

from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import mark_safe

from exposures.models import GalExposure, GalImage
from variables.discussion.commenting import threads_on
from variables.models.discussion import MENTION

register = template.Library()


@register.simple_tag(takes_context=True, name="threads_on")
def threads_on_tag(context, subject):
    """The threads on a candidate, exposure or image that the user may see."""
    return threads_on(subject, context["request"].user)


@register.simple_tag
def comment_address(subject):
    """Where a comment on a candidate, exposure or image is sent to."""
    kinds = {GalExposure: "exposure", GalImage: "image"}
    return reverse(f"comment_on_{kinds.get(type(subject), 'candidate')}", args=[subject.pk])


@register.simple_tag(takes_context=True)
def list_of_page(context):
    """The list that a candidate's page was opened from, as the query of an address, or ""."""
    query = context.get("list_query")
    return f"?{urlencode({'list': query})}" if query else ""


@register.filter
def with_mentions(text):
    """A comment's text with the names in it that it mentions marked, as HTML."""
    marked = MENTION.sub(lambda found: f"<b>@{found[1]}</b>", escape(text))
    return mark_safe(marked.replace("\n", "<br>"))
