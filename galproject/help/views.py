"""The pages of help."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from galproject.help.field_guide import entries
from galproject.help.glossary import glossary
from galproject.help.keys import key_lists
from galproject.help.pages import PAGES, help_for
from variables.models import Taxonomy


@require_safe
def help_page(request):
    """Show how to vote, what each page is for, the keys and the glossary."""
    context = {
        "pages": PAGES,
        "keys": key_lists(),
        "sections": glossary(),
        "taxonomy": Taxonomy.objects.filter(is_current=True).first(),
    }
    return render(request, "galproject/help.html", context)


@require_safe
def help_of_page(request, name):
    """Show what is told of one page, to be opened on it."""
    return render(request, "galproject/_help_of_page.html", {"help": help_for(name)})


@require_safe
def field_guide(request):
    """Show what the light curves of each class look like."""
    taxonomy = Taxonomy.objects.filter(is_current=True).first()
    context = {"taxonomy": taxonomy, "entries": entries(taxonomy)}
    return render(request, "galproject/field_guide.html", context)
