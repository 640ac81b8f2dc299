"""Template tags of help: words that lead to the glossary, and the keys of a page."""

from django import template
from django.urls import reverse
from django.utils.html import format_html, strip_tags

from galproject.help.glossary import term_called
from galproject.help.keys import key_lists

register = template.Library()


@register.simple_tag
def word(name, text=""):
    """A word as a link to its entry in the glossary, whose meaning is its title."""
    term = term_called(name)
    meaning = strip_tags(term.html)
    url = f"{reverse('help')}#word-{term.slug}"
    return format_html(
        '<a class="word" href="{}" title="{}">{}</a>', url, meaning, text or term.name
    )


@register.simple_tag
def key_lines(page):
    """The KeyLines of a page; those of cards for what has none of its own."""
    lists = key_lists()
    return lists.get(page, lists["card"])
