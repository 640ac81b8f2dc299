"""Pages: the candidates for reference of a patch of sky, and what choosing one implies."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from exposures.errors import GalprojectError
from exposures.models import GalExposure
from galproject.references import changes
from galproject.references.forms import ChoiceForm, PatchForm
from galproject.references.mosaic import mosaics
from galproject.references.patches import patch_round, places
from galproject.references.quality import COLUMNS, best_of, qualities, sort

CHOOSE = "exposures.choose_reference"
N_CARDS = 3  # suggested exposures that are shown with their chips
MAX_ROWS = 100


@require_GET
def references(request):
    """The exposures of a patch of sky side by side; without one, the fields to choose from."""
    if not request.GET:
        return render(
            request, "galproject/references.html", {"form": PatchForm(), "places": places()}
        )
    form = PatchForm(request.GET)
    patch = form.patch()
    context = {"form": form, "patch": patch}
    if patch is not None:
        context |= _comparison(patch, request.GET.get("sort", "rank"))
    return render(request, "galproject/references.html", context)


def _comparison(patch, by):
    exposures = list(patch.exposures())
    ranked = qualities(exposures)
    rows = sort(ranked, by)
    shown = [quality.exposure for quality in _side_by_side(ranked)]
    chips = mosaics(shown)
    return {
        "rows": rows[:MAX_ROWS],
        "n_more": max(0, len(rows) - MAX_ROWS),
        "cards": [(quality, chips.get(quality.exposure.pk)) for quality in _side_by_side(ranked)],
        "best": best_of(ranked),
        "columns": COLUMNS,
        "sort": by,
        "history": changes.history([exposure.pk for exposure in exposures]),
    }


def _side_by_side(ranked):
    """The references there are, and the exposures that are suggested."""
    now = [quality for quality in ranked if quality.n_references]
    others = [q for q in ranked if not q.n_references and q.rank is not None]
    return [*now[:2], *others[:N_CARDS]]


@require_GET
def references_preview(request, pk):
    """What depends on the choice of an exposure as a reference, or on its withdrawal."""
    return _preview(request, pk, None)


def _preview(request, pk, form, status=200):
    exposure = get_object_or_404(GalExposure, pk=pk)
    chips = changes.chips_of(exposure)
    ticked = form.data.getlist("image") if form else request.GET.getlist("image")
    ids = {int(i) for i in ticked if i.isdecimal()}
    chosen = [image for image in chips if image.pk in ids] if ids else chips
    references = [image for image in chosen if image.is_reference]
    context = {
        "exposure": exposure,
        "chips": chips,
        "ticked": {image.pk for image in chosen},
        "patch": patch_round(exposure),
        "change": changes.plan(chosen) if len(references) < len(chosen) else None,
        "withdrawal": changes.plan_withdrawal(references) if references else None,
        "form": form or ChoiceForm(images=chips, initial={"old": ChoiceForm.KEEP}),
        "history": changes.history([exposure.pk]),
    }
    return render(request, "galproject/references_preview.html", context, status=status)


@require_POST
@permission_required(CHOOSE, raise_exception=True)
def choose_reference(request, pk):
    """Make chips of an exposure references."""
    return _change(request, pk, _choice)


@require_POST
@permission_required(CHOOSE, raise_exception=True)
def withdraw_reference(request, pk):
    """Make search images of references again."""
    return _change(request, pk, _withdrawal)


def _choice(chosen, form):
    change = changes.plan(chosen)
    withdraws = form.cleaned_data["old"] == ChoiceForm.WITHDRAW
    return change, [i.pk for i in change.chosen], [i.pk for i in change.old if withdraws]


def _withdrawal(chosen, form):
    change = changes.plan_withdrawal(chosen)
    return change, [], [image.pk for image in change.old]


def _change(request, pk, decide):
    exposure = get_object_or_404(GalExposure, pk=pk)
    chips = changes.chips_of(exposure)
    form = ChoiceForm(request.POST, images=chips)
    if not form.is_valid():
        return _preview(request, pk, form, status=422)
    chosen = [image for image in chips if image.pk in form.cleaned_data["image"]]
    change, *what = decide(chosen, form)
    who = request.user.get_username(), form.cleaned_data["reason"]
    try:
        _carry_out(request, change, (*what, *who))
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect("references_preview", pk=pk)
    return redirect(f"{reverse('references')}?{patch_round(exposure).query}")


def _carry_out(request, change, arguments):
    """At once, or where much is to be done by a worker; and say so."""
    if change.is_large:
        with transaction.atomic():
            changes.queue_change(*arguments)
        messages.info(
            request,
            "A worker makes the change, as much has to be removed and asked for. The log of the "
            "exposure says when it is done, or why not.",
        )
        return
    jobs = changes.change_reference(*arguments)
    n_chips = sum(job.images.count() for job in jobs[:MAX_ROWS])
    messages.success(request, f"The references are changed, and {n_chips:,} chips are asked for.")
