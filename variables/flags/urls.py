"""Addresses of flags."""

from django.urls import path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="base.html"), name="flags"),
    path("images/<int:pk>/", TemplateView.as_view(template_name="base.html"), name="image"),
]
