"""Views of favourites and tags."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.permissions import PermissionMissingError
from variables.labels import marking
from variables.models import GalCandidate, GalTag, GalTagging

VOTE, EDIT = "variables.add_galdecision", "variables.change_galtag"
WANTED = {"1": True, "0": False}


@require_POST
def favourite(request, pk):
    """Mark a candidate as a favourite or not by ``wanted``, 1 or 0; without it the other way."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    try:
        is_one = marking.set_favourite(request.user, pk, WANTED.get(request.POST.get("wanted")))
    except GalprojectError as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({"favourite": is_one})


@require_POST
def tag_candidate(request, pk):
    """Tag a candidate: for oneself, or for all, which takes the permission to vote."""
    candidate = get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    is_shared = request.POST.get("for") == "all"
    if is_shared and not request.user.has_perm(VOTE):
        raise PermissionMissingError(VOTE)
    try:
        marking.tag(request.user, pk, request.POST.get("name", ""), is_shared)
    except GalprojectError as error:
        messages.error(request, str(error))
    return _to_page(request, candidate)


@require_POST
def untag_candidate(request, pk):
    """Take a tag off a candidate."""
    found = get_object_or_404(GalTagging.objects.visible_to(request.user), pk=pk)
    try:
        marking.untag(found, request.user, request.user.has_perm(EDIT))
    except GalprojectError as error:
        messages.error(request, str(error))
    return _to_page(request, GalCandidate(pk=found.refsource_id))


def _to_page(request, candidate):
    query = f"?{urlencode({'list': request.GET['list']})}" if "list" in request.GET else ""
    return redirect(f"{candidate.get_absolute_url()}{query}#tags")


@require_safe
def tags(request):
    """List the user's own tags and those that all share, with the number of candidates."""
    context = {"tags": marking.tags_with_numbers(request.user)}
    return render(request, "variables/tags.html", context)


def editing(view):
    """Restrict a view to the owner of a tag; to curators where all share it."""

    @require_POST
    def wrapped(request, pk):
        found = get_object_or_404(GalTag.objects.seen_by(request.user), pk=pk)
        if found.is_shared and not request.user.has_perm(EDIT):
            raise PermissionMissingError(EDIT)
        return view(request, found)

    return wrapped


@editing
def rename_tag(request, found):
    """Rename a tag, or merge it into one that has the name already."""
    before = found.name
    try:
        now = marking.rename_tag(found, request.POST.get("name", ""))
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{before}” is “{now}” now.")
    return redirect("tags")


@editing
def delete_tag(request, found):
    """Delete a tag, and take it off all candidates."""
    found.delete()
    messages.success(request, f"Deleted “{found}”.")
    return redirect("tags")
