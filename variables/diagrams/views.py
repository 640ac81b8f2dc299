"""Pages of the diagrams of variables."""

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exposures.input.form_fields import complaints_of
from variables.candidates.filters import CandidateFilter
from variables.candidates.listing import query_of
from variables.diagrams.forms import DiagramForm
from variables.diagrams.gallery import gallery_page
from variables.diagrams.points import diagram_data


@require_safe
def diagrams(request):
    """Show a diagram of variables by class; status 400 with messages if it makes no sense."""
    form, chosen = DiagramForm(request.GET), CandidateFilter(request.GET, request=request)
    is_valid = form.is_valid() and chosen.is_valid()
    context = {
        "form": form,
        "filter": chosen,
        "query": query_of(request.GET),
        "is_narrowed": _is_narrowed(chosen),
        "is_valid": is_valid,
    }
    return render(request, "variables/diagrams.html", context, status=200 if is_valid else 400)


@require_safe
def diagram_points(request):
    """The points of a diagram and the stars below them, as JSON."""
    form, chosen = DiagramForm(request.GET), CandidateFilter(request.GET, request=request)
    for one in (form, chosen.form):
        if not one.is_valid():
            return JsonResponse({"error": complaints_of(one)}, status=400)
    return JsonResponse(diagram_data(form.kind, form.is_by_model, request.GET, request))


@require_safe
def gallery(request):
    """Show folded curves of candidates; status 400 with messages if the query makes no sense."""
    shown = gallery_page(request.GET, request)
    classes = shown.filter.form.fields["cls"].choices
    context = {
        "gallery": shown,
        "filter": shown.filter,
        "query": query_of(request.GET),
        "is_narrowed": _is_narrowed(shown.filter),
        "classes": [
            (label, query_of(request.GET, cls=slug), slug == request.GET.get("cls", ""))
            for slug, label in classes
            if slug not in ("none", "disputed")
        ],
        "next": shown.page.next and query_of(request.GET, page=shown.page.next),
        "previous": shown.page.previous and query_of(request.GET, page=shown.page.previous),
    }
    status = 400 if shown.complaints else 200
    return render(request, "variables/gallery.html", context, status=status)


def _is_narrowed(chosen):
    """Whether filters other than the class are used, so that they should be seen."""
    asked = chosen.form.cleaned_data if chosen.is_valid() else {}
    return any(value not in (None, "") for name, value in asked.items() if name != "cls")
