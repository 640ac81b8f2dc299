"""The first page."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from galproject.home import survey_state
from galproject.home.fields import observed_fields
from galproject.home.sky_map import sky_map
from galproject.practice.runs import offers_practice


@require_safe
def home(request):
    """Show the survey's state, its fields on the sky, and where to go on."""
    fields = observed_fields()
    context = {
        "fields": fields,
        "n_exposures": sum(field.n_exposures for field in fields),
        "map": sky_map(fields),
        "images": survey_state.images(),
        "candidates": survey_state.candidates(),
        "flags": survey_state.flag_counts(),
        "campaigns": survey_state.campaigns_of(request.user),
        "offers_practice": offers_practice(request.user),
        "at_work": survey_state.at_work(),
        "failures": survey_state.failures(),
    }
    return render(request, "galproject/home.html", context)
