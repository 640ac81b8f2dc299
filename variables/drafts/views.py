"""The page of a draft, and its files."""

from mimetypes import guess_type

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from exposures.errors import GalprojectError
from exposures.permissions import needs_permission
from variables.drafts.draft import TITLES
from variables.drafts.facts import facts_of
from variables.drafts.writing import CHART, PLOT, content_of, draft_for
from variables.models import GalCandidate

VOTE = "variables.add_galdecision"
PICTURE_SECONDS = 600  # for which a browser keeps what takes a second to draw


@require_safe
@needs_permission(VOTE)
def draft(request, pk):
    """Show the draft of a candidate's entry, or why there is none."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    to = _form_of(request)
    context = {"pk": pk, "to": to, "titles": TITLES.items(), "draft": None}
    try:
        facts = facts_of(pk, request.user)
        context |= {"facts": facts, "draft": draft_for(to, facts)}
    except GalprojectError as error:
        context["reason"] = str(error)
    return render(request, "variables/draft.html", context)


@require_safe
@needs_permission(VOTE)
def draft_file(request, pk, file):
    """Serve a file of a draft; 404 where it can't be made."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    try:
        facts = facts_of(pk, request.user)
        content = content_of(file, _form_of(request), facts)
    except GalprojectError as error:
        raise Http404(str(error)) from error
    response = HttpResponse(content, content_type=guess_type(file)[0])
    if file in (CHART, PLOT):
        patch_cache_control(response, private=True, max_age=PICTURE_SECONDS)
    else:
        response["Content-Disposition"] = f'attachment; filename="{pk}-{file}"'
    return response


def _form_of(request):
    """Whose form is asked for."""
    to = request.GET.get("for", "vsx")
    if to not in TITLES:
        raise BadRequest(f"for is one of {', '.join(TITLES)}")
    return to
