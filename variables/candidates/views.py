"""Pages of candidates: their list, its exports, saved searches, and repeated detections."""

from django.contrib import messages
from django.http import Http404, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from variables.candidates.chosen_columns import COLUMNS, keep_columns, keys_in
from variables.candidates.columns import DISTANCE, SORTABLE
from variables.candidates.export import FORMATS, ExportError, export
from variables.candidates.forms import RepeatsForm, SavedSearchForm
from variables.candidates.line_names import LINE
from variables.candidates.listing import listing, query_of, query_of_line, search_for
from variables.candidates.repeat_detections import repeated
from variables.models import SavedSearch

MAX_QUERY = 4000  # characters


@require_safe
def candidate_list(request):
    """List the candidates of a query string; status 400 with messages if it makes no sense.

    A line that can be read leads to the address that it stands for.
    """
    if LINE in request.GET and (query := query_of_line(request.GET)) is not None:
        return redirect(f"{reverse('candidates')}?{query}" if query else "candidates")
    shown = listing(request.GET, request)
    context = {
        "listing": shown,
        "columns": shown.columns,
        "headings": [_heading(column, shown, request.GET) for column in shown.chosen.columns],
        "distance": shown.filter.centre and _heading(DISTANCE, shown, request.GET),
        "next": shown.page.next and query_of(request.GET, page=shown.page.next),
        "previous": shown.page.previous and query_of(request.GET, page=shown.page.previous),
        "formats": FORMATS,
    }
    # Going back in the browser's history wants the whole page, also by htmx.
    if request.htmx and not request.htmx.history_restore_request:
        return _part(request, context)
    context["searches"] = SavedSearch.objects.seen_by(request.user).select_related("user")
    status = 400 if shown.complaints else 200
    return render(request, "variables/candidate_list.html", context, status=status)


def _part(request, context):
    """Answer with the table alone, and push its address without empty fields."""
    response = render(request, "variables/_candidate_table.html", context)
    cursor = request.GET.get("page")
    query = query_of(request.GET, **({"page": cursor} if cursor else {}))
    response["HX-Push-Url"] = f"{reverse('candidates')}?{query}" if query else reverse("candidates")
    return response


def _heading(column, shown, data):
    """The heading of a column, with the sort order that a click chooses."""
    descending = f"-{column.name}"
    direction = {descending: "descending", column.name: "ascending"}.get(shown.sort)
    first, other = (column.name, descending)[:: 1 if column is DISTANCE else -1]
    sort = other if shown.sort == first else first
    is_sortable = column is DISTANCE or column.name in SORTABLE
    query = query_of(data, sort=sort) if is_sortable else None
    return {"column": column, "sorted": direction, "query": query}


@require_safe
def export_candidates(request):
    """Export the list of a query string as a file."""
    name = request.GET.get("format", "csv")
    try:
        pieces = export(search_for(request.GET, request), name, request.user)
    except ExportError as error:
        raise Http404(str(error)) from error
    kind = FORMATS[name]
    file = f"candidates-{timezone.now():%Y%m%d-%H%M%S}.{kind.suffix}"
    return StreamingHttpResponse(
        pieces,
        content_type=kind.content_type,
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@require_POST
def save_search(request):
    """Save a search under a name, replacing one of the same name."""
    form = SavedSearchForm(request.POST)
    if not form.is_valid():
        for name, errors in form.errors.items():
            messages.error(request, f"{name.capitalize()} of the search: {' '.join(errors)}")
        return redirect("candidates")
    search = form.save_for(request.user)
    messages.success(request, f"Saved as “{search.name}”.")
    return redirect(f"{reverse('candidates')}?{search.query}")


@require_POST
def choose_columns(request):
    """Keep the columns that lists show to the user, and go back to the list."""
    keys = [] if "usual" in request.POST else keys_in(request.POST.getlist(COLUMNS))
    keep_columns(request.user, keys)
    query = query_of(QueryDict(request.POST.get("query", "")[:MAX_QUERY]), **{COLUMNS: ""})
    return redirect(f"{reverse('candidates')}?{query}" if query else "candidates")


@require_POST
def delete_search(request, pk):
    """Delete one of the user's own saved searches."""
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user)
    search.delete()
    messages.success(request, f"Deleted “{search.name}”.")
    return redirect("candidates")


@require_safe
def repeat_detections(request):
    """Show how many stars were detected how many times, with links to them."""
    form = RepeatsForm(request.GET)
    table = repeated(form.counting())
    return render(request, "variables/repeat_detections.html", {"form": form, "table": table})
