"""Views of a candidate's page and of the data it draws."""

from django.http import Http404, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from exposures.input.numbers import BIGINT_MAX, NumberError, parse_integer
from exposures.options_in_force import options_in_force
from exposures.plain_values import finite
from variables.candidates.colours import field_diagram
from variables.candidates.listing import neighbours_in_list
from variables.candidates.page import candidate_page
from variables.candidates.periods import period_search
from variables.candidates.published_diagram import published_diagram
from variables.light_curves.light_curve_data import light_curve_data
from variables.models import Artifact, GalCandidate, GalSuccession
from variables.periods.options import PeriodSearch
from variables.periods.periodogram import periodogram_data
from variables.pictures.fits_cutouts import MAX_IMAGES, NoCutoutsError, chosen_images, cutouts_file

# Of the API's light curves, as the page names them.
CURVE_FORMATS = {"csv": "CSV", "ecsv": "ECSV", "fits": "FITS", "votable": "VOTable"}.items()


@require_safe
def candidate(request, pk):
    """Show a candidate, with links to its neighbours in the list it was opened from."""
    shown = GalCandidate.objects.as_seen_by(request.user).select_related(
        "catalogue__image__exposure", "consensus"
    )
    candidate = shown.filter(pk=pk).first()
    if candidate is None:
        return redirect("candidate", _replacement_of(pk))
    query = request.GET.get("list", "")
    previous, following = neighbours_in_list(query, candidate, request)
    context = {
        "page": candidate_page(candidate, request.user),
        "candidate": candidate,
        "list_query": query,
        "previous": previous,
        "next": following,
        "artifacts": Artifact.choices,
        "curve_formats": CURVE_FORMATS,
        "cutouts_at_most": MAX_IMAGES,
    }
    return render(request, "variables/candidate.html", context)


def _replacement_of(pk):
    """The id of the candidate that replaced one and took over its votes; Http404 without one."""
    latest = GalSuccession.objects.latest_of(pk)
    return get_object_or_404(GalCandidate.objects.only("pk"), pk=latest).pk


@require_safe
def candidate_data(request, pk):
    """The light curves of a candidate, as JSON; with ``detrended=1`` without shared trends."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    data = light_curve_data(pk, detrended=request.GET.get("detrended") == "1")
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})


@require_safe
def candidate_field(request, pk):
    """The colour-magnitude diagrams of a candidate's field, ours and published, as JSON."""
    candidate = get_object_or_404(GalCandidate.objects.select_related("catalogue"), pk=pk)
    data = field_diagram(candidate) | {"published": published_diagram(candidate)}
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})


@require_safe
def candidate_published(request, pk):
    """The diagram of a candidate's field in published colours and magnitudes, as JSON or null."""
    candidate = get_object_or_404(GalCandidate.objects.select_related("catalogue"), pk=pk)
    data = {"published": published_diagram(candidate)}
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})


@require_safe
def candidate_periodogram(request, pk):
    """The periodogram of a candidate's star in all filters as JSON, with its stored periods."""
    shown = GalCandidate.objects.select_related("catalogue__image__exposure")
    data = periodogram_data(get_object_or_404(shown, pk=pk), PeriodSearch.of(options_in_force()))
    return JsonResponse(finite(data), json_dumps_params={"allow_nan": False})


@require_safe
def candidate_periods(request, pk):
    """The candidate's possible periods as JSON, with their caveats."""
    shown = GalCandidate.objects.select_related("catalogue__image__exposure")
    found = period_search(get_object_or_404(shown, pk=pk), PeriodSearch.of(options_in_force()))
    return JsonResponse(finite(found), json_dumps_params={"allow_nan": False})


@require_safe
def candidate_cutouts(request, pk):
    """A candidate's cutouts as a FITS file: of those images that ``image`` names, or a dozen."""
    shown = GalCandidate.objects.select_related("catalogue__image__exposure")
    candidate = get_object_or_404(shown, pk=pk)
    try:
        return cutouts_answer(candidate, request.GET.getlist("image"))
    except NoCutoutsError as error:
        raise Http404(str(error)) from error


def cutouts_answer(candidate, numbers):
    """The answer with a candidate's cutouts on the images of some numbers, given as text.

    Raises NoCutoutsError.
    """
    try:
        ids = [parse_integer(number, 1, BIGINT_MAX) for number in numbers]
    except NumberError as error:
        raise NoCutoutsError(f"image: {error}") from error
    pieces = cutouts_file(candidate, chosen_images(candidate, ids))
    name = f"candidate-{candidate.pk}.fits"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(pieces, content_type="application/fits", headers=headers)
