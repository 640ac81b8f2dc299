"""Checks of what a model is sure of: a sample that people look at, and one stroke for the rest."""

from functools import wraps

from django.contrib import messages
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exposures.errors import GalprojectError
from variables.vetting.sure_artifacts import (
    draw_sample,
    objects_to_check,
    take_back,
    vote_on_the_rest,
)
from variables.vetting.views import lane_page, next_objects, undo_in
from variables.vetting.voting import voting

MAX_KEY = 40  # as of the strokes on groups


@require_safe
@voting
def check(request, campaign):
    """Show the vetting page of what people are asked to check."""
    return lane_page(request, campaign, "check")


@require_http_methods(["GET"])  # as of vet_next
@never_cache
@voting
def check_next(request, campaign):
    """Lease the next ones to check to the user, as ``vet_next``."""
    return next_objects(request, campaign, objects_to_check, "check_rank")


@require_POST
@voting
def check_undo(request, campaign):
    """Undo decisions of a check, as ``vet_undo``."""
    return undo_in(request, campaign, "check_rank")


def button(view):
    """A view behind a button of the campaign's page: errors are told there."""

    @require_POST
    @voting
    @wraps(view)
    def wrapped(request, campaign):
        try:
            return view(request, campaign)
        except GalprojectError as error:
            messages.error(request, str(error))
            return redirect(campaign)

    return wrapped


@button
def draw_check(request, campaign):
    """Draw a sample of what the model is sure of, and show it."""
    draw_sample(campaign, request.user)
    return redirect("check", pk=campaign.pk)


@button
def vote_on_rest(request, campaign):
    """Vote in one stroke on what the model is sure of, after the sample was checked."""
    votes = vote_on_the_rest(campaign, request.user, request.POST.get("key", "")[:MAX_KEY])
    messages.success(request, f"{len(votes):,} candidates are artifacts by your vote.")
    return redirect(campaign)


@button
def take_back_rest(request, campaign):
    """Take the user's votes by that stroke back."""
    n = take_back(campaign, request.user)
    messages.success(request, f"Your votes on {n:,} candidates are taken back.")
    return redirect(campaign)
