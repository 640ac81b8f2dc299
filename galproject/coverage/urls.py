"""Addresses of the survey on the sky."""

from django.urls import path

from galproject.coverage import views

urlpatterns = [
    path("", views.coverage, name="coverage"),
    path("exposures/", views.coverage_exposures, name="coverage_exposures"),
    path("chips/", views.coverage_chips, name="coverage_chips"),
]
