"""The survey on the sky: its page, and what the page draws."""

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exposures.input.form_fields import complaints_of
from galproject.coverage.forms import ChipsForm, CoverageForm
from galproject.coverage.visits import chips_on_the_sky, survey_on_the_sky


@require_safe
def coverage(request):
    """Show where exposures lie on the sky; status 400 with messages if the query makes no sense."""
    form = CoverageForm(request.GET)
    status = 200 if form.is_valid() else 400
    return render(request, "galproject/coverage.html", {"form": form}, status=status)


@require_safe
def coverage_exposures(request):
    """All exposures and star densities, as JSON."""
    return JsonResponse(survey_on_the_sky())


@require_safe
def coverage_chips(request):
    """The chips in a circle on the sky, as JSON."""
    form = ChipsForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"error": complaints_of(form)}, status=400)
    asked = form.cleaned_data
    return JsonResponse(
        chips_on_the_sky(asked["ra"], asked["dec"], asked["radius"], asked["filter"])
    )
