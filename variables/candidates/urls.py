"""Addresses of candidates."""

from django.urls import path

from variables.candidates import page_views, views

urlpatterns = [
    path("", views.candidate_list, name="candidates"),
    path("export/", views.export_candidates, name="export_candidates"),
    path("repeated/", views.repeat_detections, name="repeat_detections"),
    path("columns/", views.choose_columns, name="choose_columns"),
    path("searches/", views.save_search, name="save_search"),
    path("searches/<id:pk>/delete/", views.delete_search, name="delete_search"),
    path("<id:pk>/", page_views.candidate, name="candidate"),
    path("<id:pk>/light-curves.json", page_views.candidate_data, name="candidate_data"),
    path("<id:pk>/cutouts.fits", page_views.candidate_cutouts, name="candidate_cutouts"),
    path("<id:pk>/field.json", page_views.candidate_field, name="candidate_field"),
    path("<id:pk>/published.json", page_views.candidate_published, name="candidate_published"),
    path(
        "<id:pk>/periodogram.json", page_views.candidate_periodogram, name="candidate_periodogram"
    ),
    path("<id:pk>/periods.json", page_views.candidate_periods, name="candidate_periods"),
]
