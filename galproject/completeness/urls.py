"""Addresses of completeness."""

from django.urls import path

from galproject.completeness import views

urlpatterns = [
    path("", views.completeness, name="completeness"),
    path("<id:pk>/", views.completeness, name="completeness_of"),
]
