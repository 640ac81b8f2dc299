"""Template tags that show votes."""

from django import template

from variables.models import Taxonomy
from variables.vetting.decisions import classes_of, votes_visible_to

register = template.Library()


@register.simple_tag(takes_context=True)
def votes_on(context, candidate):
    """The votes on a candidate that the user may see."""
    return votes_visible_to(context["request"].user, candidate.pk)


@register.simple_tag
def current_classes():
    """The classes of the current taxonomy, with their subtypes."""
    taxonomy = Taxonomy.objects.filter(is_current=True).first()
    return classes_of(taxonomy) if taxonomy else []
