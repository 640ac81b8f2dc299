"""Pages of uploaded lists."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exposures.tables import csv_pieces
from variables.models import UploadedList
from variables.uploads.forms import UploadForm
from variables.uploads.lines import MAX_LINES, UploadError
from variables.uploads.matching import keep_list

UNMATCHED_SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
def uploads(request):
    """Show the user's lists and the form for another one; with POST, keep that."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            return redirect(
                keep_list(request.user, asked["name"], asked["entries"], asked["radius"])
            )
        except UploadError as error:
            form.add_error(None, str(error))
    context = {
        "form": form,
        "lists": UploadedList.objects.filter(user=request.user).in_short(),
        "max_lines": MAX_LINES,
    }
    status = 400 if form.errors else 200
    return render(request, "variables/uploads.html", context, status=status)


@require_safe
def upload(request, pk):
    """Show what a list matched, and what can be done with that."""
    shown = get_object_or_404(UploadedList.objects.select_related("user"), pk=pk)
    query = {"upload": shown.pk, "undetected": "both", "per": "source"}
    context = {
        "upload": shown,
        "candidates_query": urlencode(query),
        "unmatched": shown.unmatched[:UNMATCHED_SHOWN],
    }
    return render(request, "variables/upload.html", context)


@require_safe
def upload_unmatched(request, pk):
    """Give the lines of a list that matched nothing, as CSV."""
    shown = get_object_or_404(UploadedList, pk=pk)
    file = f"without-a-match-{pk}.csv"
    return HttpResponse(
        "".join(csv_pieces(["line", "text"], [shown.unmatched])),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@require_POST
def delete_upload(request, pk):
    """Delete one of the user's own lists."""
    shown = get_object_or_404(UploadedList.objects.in_short(), pk=pk, user=request.user)
    shown.delete()
    messages.success(request, f"Deleted “{shown}”.")
    return redirect("uploads")
