"""Addresses of candidates."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="base.html"), name="candidates"),
    path("<int:pk>/", TemplateView.as_view(template_name="base.html"), name="candidate"),
]
