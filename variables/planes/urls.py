"""Addresses of the plane and of the lists of stars made on it."""

from django.urls import path

from variables.planes import views

urlpatterns = [
    path("", views.plane, name="plane"),
    path("density.json", views.plane_density, name="plane_density"),
    path("lists/new/", views.new_star_list, name="new_star_list"),
    path("lists/<id:pk>/", views.star_list, name="star_list"),
    path("lists/<id:pk>/delete/", views.delete_star_list, name="delete_star_list"),
]
