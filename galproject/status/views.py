"""Views of the working status and of exposures' logs."""

from hashlib import sha256
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from exposures.errors import GalprojectError
from exposures.models import GalExposure, GalImage
from exposures.permissions import needs_permission
from galproject.queue.asking import ask_failed
from galproject.status.exposure_log import exposure_log
from galproject.status.forms import StatusFilterForm
from galproject.status.thumbnails import thumbnails
from galproject.status.working_status import StatusQuery, images_of
from galproject.status.working_status import working_status as status_of

ENQUEUE = "exposures.add_galjob"
BUSY_SECONDS, IDLE_SECONDS = 4, 15  # between two looks at what goes on
UNCHANGED = 204  # htmx leaves the page as it is


@require_safe
def working_status(request):
    """Show what is queued, waiting, running, done and failed."""
    form = StatusFilterForm(request.GET)
    query = form.query()
    status = status_of(query) if query else None
    template = "_working_status" if request.htmx else "working_status"
    small = thumbnails(one.exposure_id for one in status.exposures) if status else {}
    context = {"form": form, "status": status, "thumbnails": small, **_liveness(request, status)}
    return render(request, f"galproject/{template}.html", context)


@require_safe
def exposure_page(request, pk):
    """Show an exposure's status, chips and log."""
    exposure = get_object_or_404(GalExposure, pk=pk)
    part = request.GET.get("part") if request.htmx else None
    if part == "log":
        return _log_part(request, exposure)
    working = status_of(StatusQuery(exposure_ids=(exposure.pk,)))
    status = working.exposures[0] if working.exposures else None
    context = {"exposure": exposure, "time": working.time, "status": status}
    context |= _liveness(request, working)
    if part == "status":
        return render(request, "galproject/_exposure.html", context)
    return render(request, "galproject/exposure.html", context | _log(request, exposure))


def _log_part(request, exposure):
    """Answer with the log if it changed, so that the reader's position stays otherwise."""
    context = _log(request, exposure)
    if context["digest"] == request.GET.get("seen"):
        return HttpResponse(status=UNCHANGED)
    return render(request, "galproject/_live_log.html", context | _liveness(request))


def _log(request, exposure):
    order = "time" if request.GET.get("order") == "time" else "chip"
    log = exposure_log(exposure)
    html = render_to_string("galproject/_log.html", {"log": log, "order": order}, request)
    digest = sha256(html.encode()).hexdigest()[:16]
    return {"exposure": exposure, "order": order, "log_html": html, "digest": digest}


def _liveness(request, status=None):
    """The interval at which a page refreshes, unless the reader stopped it."""
    is_busy = status is None or status.chips.open > 0
    return {
        "paused": "paused" in request.GET,
        "seconds": BUSY_SECONDS if is_busy else IDLE_SECONDS,
    }


@require_POST
@needs_permission(ENQUEUE)
def run_failed(request):
    """Run again what failed of all selected exposures, on any page."""
    query = StatusFilterForm(request.GET).query()
    images = images_of(query) if query else GalImage.objects.none()
    _enqueue_failed(request, images)
    parameters = urlencode([(name, v) for name, vs in request.GET.lists() for v in vs])
    url = reverse("working_status")
    return redirect(f"{url}?{parameters}" if parameters else url)


@require_POST
@needs_permission(ENQUEUE)
def run_failed_of_exposure(request, pk):
    """Run again what failed of one exposure."""
    exposure = get_object_or_404(GalExposure, pk=pk)
    _enqueue_failed(request, exposure.images.all())
    return redirect("exposure", pk=pk)


def _enqueue_failed(request, images):
    try:
        jobs = ask_failed(images, requested_by=request.user.get_username())
    except GalprojectError as error:
        messages.error(request, str(error))
        return
    n_chips = sum(len(job.asked or ()) for job in jobs)
    n_exposures = len({job.exposure_id for job in jobs})
    if jobs:
        chips = f"{n_chips:,} chip{pluralize(n_chips)}"
        exposures = f"{n_exposures:,} exposure{pluralize(n_exposures)}"
        messages.success(request, f"Asked again for {chips} of {exposures}.")
    else:
        messages.info(request, "Nothing failed or was interrupted there: nothing was asked for.")
