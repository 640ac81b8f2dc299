"""Addresses of vetting."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="base.html"), name="vetting"),
    path("<int:pk>/", TemplateView.as_view(template_name="base.html"), name="campaign"),
]
