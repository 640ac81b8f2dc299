"""Address of the numbers for Prometheus."""

from django.urls import path

from galproject.metrics.views import metrics

urlpatterns = [path("", metrics, name="metrics")]
