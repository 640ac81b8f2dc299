"""Addresses of the diagrams of variables."""

from django.urls import path

from variables.diagrams import views

urlpatterns = [
    path("", views.diagrams, name="diagrams"),
    path("points/", views.diagram_points, name="diagram_points"),
]
