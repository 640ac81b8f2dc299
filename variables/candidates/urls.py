"""Addresses of candidates."""

from django.urls import path
from django.views.generic import TemplateView

from variables.candidates import views

urlpatterns = [
    path("", views.candidate_list, name="candidates"),
    path("export/", views.export_candidates, name="export_candidates"),
    path("repeated/", views.repeat_detections, name="repeat_detections"),
    path("searches/", views.save_search, name="save_search"),
    path("searches/<int:pk>/delete/", views.delete_search, name="delete_search"),
    path("<int:pk>/", TemplateView.as_view(template_name="base.html"), name="candidate"),
]
