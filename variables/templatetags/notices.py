"""Template tags that show what concerns a user and has changed."""

from django import template

from variables.notices.reading import latest_unread, unread_count

register = template.Library()


@register.simple_tag(takes_context=True)
def unread_notices(context):
    """How many notices the user has not read."""
    return unread_count(context["user"])


@register.simple_tag(takes_context=True)
def latest_notices(context):
    """The newest notices that the user has not read."""
    return latest_unread(context["user"])
