"""Views of comments."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.input.queries import integer_in
from exposures.models import GalExposure, GalImage
from exposures.permissions import needs_permission
from variables.discussion import commenting
from variables.discussion.people import names_like
from variables.models import GalCandidate, GalComment

VOTE = "variables.add_galdecision"  # who may vote may comment
MAX_NAME = 150


@require_safe
def people(request):
    """The names of people that begin with ``q``, as JSON, to be mentioned."""
    begun = request.GET.get("q", "")[:MAX_NAME]
    return JsonResponse({"names": names_like(begun) if begun.isprintable() else []})


@require_safe
def candidate_comments(request, pk):
    """Show what people say of a candidate, as a part of a page."""
    shown = GalCandidate.objects.as_seen_by(request.user)
    context = {"subject": get_object_or_404(shown, pk=pk), "is_part": True}
    return render(request, "variables/_comments.html", context)


@require_POST
@needs_permission(VOTE)
def comment_on_candidate(request, pk):
    """Comment on a candidate, or answer a comment on it."""
    return _comment_on(request, get_object_or_404(GalCandidate, pk=pk))


@require_POST
@needs_permission(VOTE)
def comment_on_exposure(request, pk):
    """Comment on an exposure, or answer a comment on it."""
    return _comment_on(request, get_object_or_404(GalExposure, pk=pk))


@require_POST
@needs_permission(VOTE)
def comment_on_image(request, pk):
    """Comment on an image, or answer a comment on it."""
    return _comment_on(request, get_object_or_404(GalImage, pk=pk))


def _comment_on(request, subject):
    answers = integer_in(request.POST, "answers", None)
    try:
        made = commenting.comment_on(subject, request.user, _text_in(request), answers)
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect(_with_list(request, subject.get_absolute_url()))
    return redirect(_with_list(request, made.get_absolute_url()))


@require_POST
@needs_permission(VOTE)
def change_comment(request, pk):
    """Change one's own comment."""
    comment = _visible(request, pk)
    try:
        commenting.change_comment(comment, request.user, _text_in(request))
    except GalprojectError as error:
        messages.error(request, str(error))
    return redirect(_with_list(request, comment.get_absolute_url()))


@require_POST
@needs_permission(VOTE)
def withdraw_comment(request, pk):
    """Withdraw one's own comment."""
    comment = _visible(request, pk)
    try:
        commenting.withdraw_comment(comment, request.user)
    except GalprojectError as error:
        messages.error(request, str(error))
    return redirect(_with_list(request, comment.get_absolute_url()))


def _visible(request, pk):
    return get_object_or_404(GalComment.objects.visible_to(request.user), pk=pk)


def _text_in(request):
    return request.POST.get("text", "")


def _with_list(request, url):
    """An address with the list that the page was opened from, before its fragment."""
    if "list" not in request.GET:
        return url
    page, _, fragment = url.partition("#")
    return f"{page}?{urlencode({'list': request.GET['list']})}#{fragment}"
