"""The pages of practice."""

from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from exposures.input.numbers import NumberError, parse_integer
from exposures.permissions import needs_permission
from exposures.plain_values import finite
from galproject.models import PracticeItem, PracticeRun
from galproject.practice.runs import (
    N_ITEMS,
    PracticeError,
    answer,
    begin,
    curve_of,
    next_item,
    run_of,
    told_of,
)
from variables.pictures.paths import cutouts_url

VOTE = "variables.add_galdecision"
MAX_RUNS = 10  # that are listed


@require_safe
@needs_permission(VOTE)
def practice(request):
    """Show what was told of the last answer, the next item, or how one did so far."""
    run = run_of(request.user)
    told = _told(request)
    item = next_item(run) if run and not told else None
    context = {
        "run": run or (told and told.item.run),
        "told": told,
        "item": item,
        "n_items": N_ITEMS,
        "classes": item.truth.taxonomy.classes.filter(parent=None) if item else (),
        "cutouts": item and item.refsource_id and cutouts_url(item.refsource_id),
        "finished": PracticeRun.objects.scored(request.user)[:MAX_RUNS],
    }
    return render(request, "galproject/practice.html", context)


def _told(request):
    try:
        place = (parse_integer(request.GET[name], 1) for name in ("run", "told"))
        return told_of(request.user, *place)
    except (KeyError, NumberError):
        return None


@require_POST
@needs_permission(VOTE)
def begin_practice(request):
    """Begin a run, or go on with the one that was begun."""
    try:
        begin(request.user)
    except PracticeError as error:
        messages.error(request, str(error))
    return redirect("practice")


@require_POST
@needs_permission(VOTE)
def answer_practice(request, rank):
    """Record an answer, and go on to what is told of it."""
    run = run_of(request.user)
    if run is None:
        return redirect("practice")
    try:
        item = answer(run, rank, request.POST.get("choice", ""))
    except PracticeError as error:
        messages.error(request, str(error))
        return redirect("practice")
    return redirect(f"{reverse('practice')}?run={run.pk}&told={item.rank}")


@require_safe
@needs_permission(VOTE)
def practice_curve(request, rank):
    """The light curve of an item of the run that one is in, as JSON."""
    item = get_object_or_404(PracticeItem, run=run_of(request.user), rank=rank)
    return JsonResponse(finite(curve_of(item)), json_dumps_params={"allow_nan": False})
