"""Addresses of pictures."""

from django.urls import path

from variables.pictures import views

urlpatterns = [
    path("cutouts/<int:pk>.png", views.cutouts, name="cutouts"),
    path("images/<int:pk>.png", views.image_picture, name="image_picture"),
]
