"""Addresses of notices."""

from django.urls import path

from variables.notices import views

urlpatterns = [
    path("", views.notices, name="notices"),
    path("read/", views.read_notices, name="read_notices"),
    path("choices/", views.choose_notices, name="choose_notices"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
