"""Addresses of uploaded lists."""

from django.urls import path

from variables.uploads import views

urlpatterns = [
    path("", views.uploads, name="uploads"),
    path("<id:pk>/", views.upload, name="upload"),
    path("<id:pk>/unmatched.csv", views.upload_unmatched, name="upload_unmatched"),
    path("<id:pk>/delete/", views.delete_upload, name="delete_upload"),
]
