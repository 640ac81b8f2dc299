"""The page that Prometheus reads, for whoever has the token."""

import os
from secrets import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from galproject.metrics.survey_numbers import SurveyNumbers

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the folder in which processes of a server share numbers


@login_not_required
@require_safe
def metrics(request):
    """Answer with all numbers in Prometheus's format."""
    if not settings.METRICS_TOKEN:
        raise Http404("GALPROJECT_METRICS_TOKEN is not set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_known = compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    if scheme.lower() != "bearer" or not is_known:
        words = "Send the token of GALPROJECT_METRICS_TOKEN.\n"
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(words, status=401, headers=headers, content_type="text/plain")
    text = generate_latest(of_pages()) + generate_latest(of_survey())
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def of_pages():
    """The numbers of pages of all processes of this server."""
    if SHARED not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def of_survey():
    """The numbers of the survey's work."""
    registry = CollectorRegistry()
    registry.register(SurveyNumbers())
    return registry
