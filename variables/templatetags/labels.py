"""Template tags that show by what people mark candidates."""

from django import template

from variables.labels.marking import marks_on, tags_for

register = template.Library()


@register.simple_tag(takes_context=True)
def marks_of(context, candidate):
    """What a candidate is marked by, as far as the user may see it."""
    return marks_on([candidate.pk], context["request"].user)[candidate.pk]


@register.simple_tag(takes_context=True)
def tag_names(context):
    """The names of tags that the user may set."""
    return list(dict.fromkeys(one.name for one in tags_for(context["request"].user)))
