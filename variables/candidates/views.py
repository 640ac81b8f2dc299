"""Pages of candidates: their list, its exports, saved searches, and repeated detections."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from exposures.models import GalExposure
from variables.candidates.columns import LISTED, SORTABLE
from variables.candidates.export import FORMATS, ExportError, export
from variables.candidates.filters import CandidateFilter
from variables.candidates.keyset import Order
from variables.candidates.listing import DEFAULT_SORT, listing, query_of
from variables.models import GalCandidate, SavedSearch
from variables.repeat_detections import count_repeat_detections


def candidate_list(request):
    """Candidates as the address asks for them."""
    shown = listing(request.GET, request)
    context = {
        "listing": shown,
        "headings": [_heading(column, shown.sort) for column in LISTED],
        "formats": FORMATS,
    }
    if request.htmx:
        return render(request, "variables/_candidate_table.html", context)
    context["searches"] = SavedSearch.objects.seen_by(request.user).select_related("user")
    return render(request, "variables/candidate_list.html", context)


def _heading(column, sort):
    """What a column's heading shows, and what it sorts by when it is chosen."""
    descending = sort == f"-{column.name}"
    direction = {f"-{column.name}": "descending", column.name: "ascending"}.get(sort)
    return {
        "column": column,
        "sorted": direction,
        "sort": column.name if descending else f"-{column.name}",
        "is_sortable": column.name in SORTABLE,
    }


def export_candidates(request):
    """The list of an address as a file."""
    rows = CandidateFilter(request.GET, request=request).qs
    sort = request.GET.get("sort", DEFAULT_SORT)
    sort = sort if sort.removeprefix("-") in SORTABLE else DEFAULT_SORT
    name = request.GET.get("format", "csv")
    try:
        pieces = export(Order.of(GalCandidate, sort).sorted(rows), name)
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
    """Keep the list of an address under a name; a name that is there is taken over."""
    name = request.POST.get("name", "").strip()[:80]
    query = query_of(QueryDict(request.POST.get("query", "")))
    if not name:
        messages.error(request, "A saved search needs a name.")
    else:
        SavedSearch.objects.update_or_create(
            user=request.user,
            name=name,
            defaults={"query": query, "is_shared": "shared" in request.POST},
        )
        messages.success(request, f"Saved as “{name}”.")
    return redirect(f"{reverse('candidates')}?{query}")


@require_POST
def delete_search(request, pk):
    """Forget a search of one's own."""
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user)
    search.delete()
    messages.success(request, f"Forgot “{search.name}”.")
    return redirect("candidates")


def repeat_detections(request):
    """How many candidates were detected how many times, each count a link to them."""
    names = GalExposure.objects.order_by("filter").values_list("filter", flat=True).distinct()
    chosen = request.GET.get("filter") or None
    counts = count_repeat_detections(chosen)
    links = {"filter": chosen} if chosen else {}
    rows = [
        {
            "n_detections": n,
            "count": count,
            "query": urlencode({"detections_min": n, "detections_max": n, **links}),
        }
        for n, count in counts
    ]
    largest = max((row["count"] for row in rows), default=0)
    context = {
        "rows": rows,
        "filters": names,
        "chosen": chosen,
        "total": sum(row["count"] for row in rows),
        "largest": largest,
    }
    return render(request, "variables/repeat_detections.html", context)
