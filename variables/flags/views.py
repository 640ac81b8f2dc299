"""Views of the list of flags and of the chip on which flags are drawn."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.input.queries import integer_in, integers_in
from exposures.keyset import newest
from exposures.models import GalImage
from exposures.permissions import needs_permission
from variables.flags import marking
from variables.flags.chip_page import chip_page
from variables.flags.chip_quality import chip_quality
from variables.flags.filters import FlagFilter
from variables.flags.forms import ReasonForm, RegionFlagForm, SourceFlagForm, errors_of
from variables.models import Artifact, GalFlag
from variables.pictures.chips import stretch_filters, white_sigma_of
from variables.pictures.paths import picture_url
from variables.regions.coverage import RegionError, check_region, covered_by, parse_region

FLAG = "variables.add_galflag"
N_GROUPS = 10
ACTIONS = {
    "accept": (marking.accept_all, "accepted: they hide what they cover"),
    "decline": (marking.decline_all, "declined: they will not be proposed again"),
    "undo": (marking.undo_all, "undone: what they covered is seen again"),
}


@require_safe
def flags(request):
    """List flags, and the groups of proposals to decide on."""
    shown = FlagFilter(request.GET, GalFlag.objects.all())
    page, before = newest(shown.qs.with_people(), integer_in(request.GET, "before", None))
    groups = list(GalFlag.objects.groups()[: N_GROUPS + 1])
    counts = dict(GalFlag.objects.order_by().values_list("state").annotate(Count("pk")))
    context = {
        "filter": shown,
        "flags": page,
        "before": before,
        "groups": groups[:N_GROUPS],
        "kinds": [k | {"label": Artifact(k["artifact"]).label} for k in GalFlag.objects.kinds()],
        "has_more_groups": len(groups) > N_GROUPS,
        "counts": [(state.value, state.label, counts.get(state, 0)) for state in GalFlag.State],
    }
    return render(request, "variables/flag_list.html", context)


@require_POST
@needs_permission(FLAG)
def decide_flags(request):
    """Accept, decline or undo the ticked flags."""
    return _decide(request, integers_in(request.POST, "flag"))


@require_POST
@needs_permission(FLAG)
def decide_flag(request, pk):
    """Accept, decline or undo one flag."""
    return _decide(request, [get_object_or_404(GalFlag, pk=pk).pk])


@require_POST
@needs_permission(FLAG)
def decide_group(request):
    """Accept or decline a group of proposals, or all shown proposals of one kind of artifact."""
    seen = GalFlag.objects.proposed().filter(
        artifact=request.POST.get("artifact", ""), pk__lte=integer_in(request.POST, "last", 0)
    )
    if "group" in request.POST:
        seen = seen.filter(group=request.POST["group"])
    return _decide(request, list(seen.values_list("pk", flat=True)))


def _decide(request, ids):
    action, form = ACTIONS.get(request.POST.get("action")), ReasonForm(request.POST)
    if action is None or not form.is_valid():
        raise BadRequest("The form is not complete: it has no decision, or too long a reason")
    decide, done = action
    if not ids:
        messages.info(request, "No flag was chosen.")
        return _back(request)
    try:
        decided = decide(ids, request.user, form.cleaned_data["reason"])
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{len(decided):,} flag{pluralize(len(decided))} {done}.")
    return _back(request)


def _back(request, otherwise="flags", *where):
    """Redirect to the page from which a form was sent."""
    url = request.POST.get("next", "")
    # A path, as anything else could be the name of a page.
    if url.startswith("/") and url_has_allowed_host_and_scheme(url, None):
        return redirect(url)
    return redirect(otherwise, *where)


@require_POST
@needs_permission(FLAG)
def flag_source(request, refsource_id):
    """Flag a source, on all images."""
    form = SourceFlagForm(request.POST)
    if not form.is_valid():
        messages.error(request, errors_of(form))
        return _back(request, "candidate", refsource_id)
    try:
        flag = marking.flag_source(
            refsource_id, form.cleaned_data["artifact"], form.cleaned_data["reason"], request.user
        )
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        said = flag.get_artifact_display()
        messages.success(request, f"Source {refsource_id} is flagged: {said}.")
    return _back(request, "candidate", refsource_id)


@require_safe
def image(request, pk):
    """Show a chip: its facts, and its picture with changes and flags, where new flags are drawn."""
    return _image_page(request, pk, RegionFlagForm())


@require_POST
@needs_permission(FLAG)
def flag_image(request, pk):
    """Flag a region of a chip, or the whole chip."""
    form = RegionFlagForm(request.POST)
    if not form.is_valid():
        return _image_page(request, pk, form, status=422)
    image = get_object_or_404(GalImage, pk=pk)
    said = form.cleaned_data
    try:
        flag = marking.flag_image(
            image, said["artifact"], said["reason"], request.user, said["region"]
        )
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        where = "A region of the chip" if flag.region else "The whole chip"
        messages.success(request, f"{where} is flagged: {flag.get_artifact_display()}.")
    return redirect("image", pk=pk)


def _image_page(request, pk, form, status=200):
    shown = get_object_or_404(
        GalImage.objects.select_related("exposure", "job", "reference"), pk=pk
    )
    context = {
        "page": chip_page(shown),
        "image": shown,
        "form": form,
        "quality": chip_quality(shown),
    }
    context["picture"] = picture_url(shown)
    context["stretches"] = stretch_filters(white_sigma_of(pk)) if context["picture"] else {}
    return render(request, "variables/image.html", context, status=status)


@require_safe
def image_covered(request, pk):
    """Count the sources and changes that a drawn region would cover, before it is saved."""
    shown = get_object_or_404(GalImage.objects.select_related("exposure"), pk=pk)
    context = {"image": shown}
    try:
        text = request.GET.get("region")
        region = None if "whole" in request.GET else parse_region(text or "")
        context["covered"] = covered_by(shown, check_region(region, shown))
    except RegionError as error:
        context["error"] = str(error)
    return render(request, "variables/_flag_covered.html", context)
