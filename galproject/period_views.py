"""Periods of candidates, by the options in force."""

from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from exposures.errors import GalprojectError
from galproject.option_sources import load_options
from variables.candidates.light_curve_data import light_curve_data
from variables.candidates.periods import period_search
from variables.models import GalCandidate


@require_GET
def candidate_periods(request, pk):
    """Periods that a candidate may have, as JSON, with what is to be said of them."""
    get_object_or_404(GalCandidate.objects.only("pk"), pk=pk)
    try:
        options = load_options().periods
    except GalprojectError as error:
        return JsonResponse({"periods": [], "fold": None, "note": str(error)})
    found = period_search(light_curve_data(pk)["filters"], options)
    return JsonResponse(found, json_dumps_params={"allow_nan": False})
