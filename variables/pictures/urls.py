"""Addresses of pictures."""

from django.urls import path
from django.views.generic import TemplateView

page = TemplateView.as_view(template_name="base.html")

urlpatterns = [
    path("cutouts/<int:pk>.png", page, name="cutouts"),
    path("images/<int:pk>.png", page, name="image_picture"),
]
