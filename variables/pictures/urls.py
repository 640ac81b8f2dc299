"""Addresses of pictures."""

from django.urls import path

from variables.pictures import views

urlpatterns = [
    path("cutouts/<int:pk>.png", views.cutouts, name="cutouts"),
    path("cutouts/<int:pk>/<int:image_id>.png", views.strip, name="strip"),
    path("images/<int:pk>.png", views.image_picture, name="image_picture"),
]
