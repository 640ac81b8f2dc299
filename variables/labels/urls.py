"""Addresses of favourites and tags."""

from django.urls import path

from variables.labels import views

urlpatterns = [
    path("candidates/<id:pk>/favourite/", views.favourite, name="favourite"),
    path("candidates/<id:pk>/tag/", views.tag_candidate, name="tag_candidate"),
    path("tags/", views.tags, name="tags"),
    path("tags/<id:pk>/rename/", views.rename_tag, name="rename_tag"),
    path("tags/<id:pk>/delete/", views.delete_tag, name="delete_tag"),
    path("taggings/<id:pk>/delete/", views.untag_candidate, name="untag_candidate"),
]
