"""The view in which people overrule an image's quality."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from exposures.errors import GalprojectError
from exposures.models import GalImage, Status
from exposures.permissions import needs_permission
from galproject.quality.forms import VerdictForm
from galproject.quality.overruling import overrule

OVERRULE = "exposures.overrule_quality"


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
