"""Addresses of help."""

from django.urls import path

from galproject.help import views

urlpatterns = [
    path("", views.help_page, name="help"),
    path("classes/", views.field_guide, name="field_guide"),
    path("page/<str:name>/", views.help_of_page, name="help_of_page"),
]
