"""Views of quality: pictures of it, and the one in which people overrule an image's."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.models import GalExposure, GalImage, Status
from exposures.permissions import needs_permission
from galproject.quality.focal_plane import focal_plane, quantity_named
from galproject.quality.forms import FigureForm, OverTimeForm, VerdictForm
from galproject.quality.over_time import latest_mjd, quality_over_time
from galproject.quality.overruling import overrule
from galproject.quality.quantities import ON_CHIPS

OVERRULE = "exposures.overrule_quality"
AFTER_LAST = 1e-6  # days, so that the exposure itself is among those up to it


@require_safe
def quality(request):
    """Draw seeing, zero point, depth and chi2/nu of exposures over time."""
    form = OverTimeForm(request.GET)
    shown = earlier = None
    if form.is_valid():
        asked = form.cleaned_data
        end = asked["until"] or latest_mjd(asked["filter"])
        if end is not None:
            shown = quality_over_time(end + AFTER_LAST, asked["days"], asked["filter"])
        if shown is not None:
            earlier = latest_mjd(asked["filter"], before=shown.first)
    query = request.GET.copy()
    query["until"] = f"{earlier:.6f}" if earlier else ""
    context = {"form": form, "shown": shown, "earlier": earlier and query.urlencode()}
    return render(request, "galproject/quality.html", context)


@require_safe
def exposure_focal_plane(request, pk):
    """Draw the chips of an exposure where they lie, coloured by a figure of quality."""
    exposure = get_object_or_404(GalExposure, pk=pk)
    form = FigureForm(request.GET or {"figure": ON_CHIPS[0].name})
    name = form.cleaned_data["figure"] if form.is_valid() else ""
    plane = focal_plane(exposure, quantity_named(name or ON_CHIPS[0].name))
    context = {"exposure": exposure, "form": form, "plane": plane}
    return render(request, "galproject/focal_plane.html", context)


@require_POST
@needs_permission(OVERRULE)
def overrule_quality(request, pk):
    """Accept or doubt an image whatever was measured, or return to the measurement."""
    image, form = get_object_or_404(GalImage, pk=pk), VerdictForm(request.POST)
    if not form.is_valid():
        problems = [str(error) for errors in form.errors.values() for error in errors]
        messages.error(request, " ".join(problems))
        return redirect("image", pk=pk)
    said = form.cleaned_data
    try:
        image = overrule(image, said["verdict"], request.user, said["reason"])
    except GalprojectError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _done(image))
    return redirect("image", pk=pk)


def _done(image):
    if image.status == Status.FAILED:
        return "Noted. The chip has failed: run it again, and what you decided holds."
    if image.is_doubted:
        return "The image is doubted: its changes are not counted."
    return "The image is not doubted: its changes are counted."
