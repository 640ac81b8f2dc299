"""The page of completeness by artificial stars."""

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from galproject.completeness.charts import charts_of
from galproject.models import InjectionSummary

MOST_RUNS = 40  # that are listed


@require_safe
def completeness(request, pk=None):
    """Show the shares that a run of artificial stars found: by default those of the last run."""
    runs = InjectionSummary.objects.defer("rows")
    run = get_object_or_404(InjectionSummary, pk=pk) if pk else InjectionSummary.objects.first()
    context = {"run": run, "charts": charts_of(run) if run else [], "runs": runs[:MOST_RUNS]}
    return render(request, "galproject/completeness.html", context)
