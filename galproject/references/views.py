"""Views for choosing references, and for what the choice implies."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.input.queries import integers_in
from exposures.models import GalExposure
from exposures.permissions import needs_permission
from galproject.references import changes
from galproject.references.blink import WIDTH_ARCMIN, blink_pair
from galproject.references.forms import BlinkForm, ChoiceForm, MemberForm, PatchForm
from galproject.references.mosaic import mosaics
from galproject.references.patches import fields_to_choose, patch_round
from galproject.references.quality import COLUMNS, best_of, qualities, sort
from galproject.references.sets import (
    MAX_SHOWN,
    change_sets,
    pairs_of,
    possible_members,
    queue_set_change,
    summary,
)

CHOOSE = "exposures.choose_reference"
N_CARDS = 3  # suggested exposures that are shown with their chips
MAX_ROWS = 100


@require_safe
def references(request):
    """Show the exposures of a patch side by side, or the fields to choose from."""
    if not request.GET:
        return render(
            request,
            "galproject/references.html",
            {"form": PatchForm(), "fields_to_choose": fields_to_choose()},
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
        # What the others are compared with: a reference, or what is suggested first.
        "compared": shown[0] if shown else None,
        "history": changes.history([exposure.pk for exposure in exposures]),
    }


def _side_by_side(ranked):
    """The current references, and the suggested exposures."""
    now = [quality for quality in ranked if quality.n_references]
    others = [q for q in ranked if not q.n_references and q.rank is not None]
    return [*now[:2], *others[:N_CARDS]]


@require_safe
def references_blink(request):
    """Show two exposures of the same sky in turn; status 404 where one of them is none."""
    form = BlinkForm(request.GET)
    if not form.is_valid():
        raise Http404("Two exposures are looked at in turn: ?a=ID&b=ID")
    asked = form.cleaned_data
    first, second = (get_object_or_404(GalExposure, pk=asked[name]) for name in "ab")
    pair = blink_pair(first, second, asked["position"])
    known = [side.quality for side in pair.sides if side.quality]
    context = {
        "pair": pair,
        "best": best_of(known),
        "patch": patch_round(second),
        "width": WIDTH_ARCMIN,
    }
    return render(request, "galproject/references_blink.html", context)


@require_safe
def references_preview(request, pk):
    """Show what choosing an exposure as a reference, or withdrawing it, implies."""
    return _preview(request, pk, None)


def _preview(request, pk, form, status=200, members=None):
    exposure = get_object_or_404(GalExposure, pk=pk)
    chips = changes.chips_of(exposure)
    ids = set(integers_in(form.data if form else request.GET, "image"))
    chosen = [image for image in chips if image.pk in ids] if ids else chips
    references = [image for image in chosen if image.is_reference]
    context = {
        "exposure": exposure,
        "chips": chips,
        "ticked": {image.pk for image in chosen},
        "patch": patch_round(exposure),
        "change": changes.plan(chosen) if len(references) < len(chosen) else None,
        "withdrawal": changes.plan_withdrawal(references) if references else None,
        "form": form or ChoiceForm(images=chips),
        "history": changes.history([exposure.pk]),
        **_set_of(exposure, chips, members),
    }
    return render(request, "galproject/references_preview.html", context, status=status)


def _set_of(exposure, chips, form):
    """The reference set of a reference exposure, with members and possible ones."""
    if not any(image.is_reference for image in chips):
        return {}
    possible = possible_members(exposure)
    return {
        "set": summary(exposure),
        "possible": possible[:MAX_SHOWN],
        "n_more_possible": max(0, len(possible) - MAX_SHOWN),
        "member_form": form,
    }


@require_POST
@needs_permission(CHOOSE)
def choose_reference(request, pk):
    """Make chips of an exposure references."""
    return _change(request, pk, _choice)


@require_POST
@needs_permission(CHOOSE)
def withdraw_reference(request, pk):
    """Make references search images again."""
    return _change(request, pk, _withdrawal)


def _choice(chosen, form):
    change = changes.plan(chosen)
    if not change.chosen:
        raise changes.ChangedMeanwhileError(changes.last_changes_text(chosen))
    if form.cleaned_data["known"] not in ("", change.known):
        raise changes.ChangedMeanwhileError(
            changes.last_changes_text([*change.old, *change.chosen])
        )
    withdraws = form.cleaned_data["old"] == ChoiceForm.WITHDRAW
    if change.old and not form.cleaned_data["old"]:
        form.add_error("old", "Choose what becomes of the old reference.")
    old = [image.pk for image in change.old]
    return change, [image.pk for image in change.chosen], old if withdraws else [], old


def _withdrawal(chosen, _form):
    change = changes.plan_withdrawal(chosen)
    if len(change.old) < len(chosen):
        raise changes.ChangedMeanwhileError(changes.last_changes_text(chosen))
    old = [image.pk for image in change.old]
    return change, [], old, old


def _change(request, pk, decide):
    exposure = get_object_or_404(GalExposure, pk=pk)
    chips = changes.chips_of(exposure)
    form = ChoiceForm(request.POST, images=chips)
    if not form.is_valid():
        return _preview(request, pk, form, status=422)
    chosen = [image for image in chips if image.pk in form.cleaned_data["image"]]
    try:
        change, chosen_ids, withdrawn_ids, known_ids = decide(chosen, form)
        if form.errors:
            return _preview(request, pk, form, status=422)
        who = request.user.get_username(), form.cleaned_data["reason"]
        _carry_out(request, change, (chosen_ids, withdrawn_ids, *who, known_ids))
    except GalprojectError as error:
        messages.error(request, str(error))
        return redirect("references_preview", pk=pk)
    return redirect(f"{reverse('references')}?{patch_round(exposure).query}")


def _carry_out(request, change, arguments):
    """Carry out a change at once, or enqueue it if large, with a message."""
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


@require_POST
@needs_permission(CHOOSE)
def change_reference_set(request, pk):
    """Add exposures to the set of a reference, or remove them."""
    exposure = get_object_or_404(GalExposure, pk=pk)
    exposures = [quality.exposure for quality in possible_members(exposure)]
    exposures += [member.exposure for member in summary(exposure).members]
    form = MemberForm(request.POST, exposures=exposures)
    if not form.is_valid():
        return _preview(request, pk, None, status=422, members=form)
    try:
        _change_set(request, exposure, form)
    except GalprojectError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('references_preview', args=[pk])}#reference-set")


def _change_set(request, exposure, form):
    """Change a set at once, or enqueue it if large, with a message."""
    is_added = form.cleaned_data["action"] == MemberForm.ADD
    who = request.user.get_username(), form.cleaned_data["reason"]
    pairs = pairs_of(exposure.pk, form.cleaned_data["member"], is_added)
    if any(one.is_large for one in pairs):
        with transaction.atomic():
            queue_set_change(exposure.pk, form.cleaned_data["member"], is_added, *who)
        messages.info(
            request,
            "A worker makes the change, as much has to be read. The log of the exposure says when "
            "it is done, or why not.",
        )
        return
    renewals = [renewal for one in pairs for renewal in change_sets(one, is_added, *who)]
    n_images = sum(renewal.n_images for renewal in renewals)
    messages.success(
        request, f"The set is changed: variables were selected anew on {n_images:,} images."
    )
