"""Addresses of pictures."""

from django.urls import path

from variables.pictures import views

urlpatterns = [
    path("cutouts/<id:pk>.png", views.cutouts, name="cutouts"),
    path("cutouts/<id:pk>/<id:image_id>.png", views.strip, name="strip"),
    path("images/<id:pk>.png", views.image_picture, name="image_picture"),
    path("images/small/<id:pk>.png", views.small_picture, name="small_picture"),
]
