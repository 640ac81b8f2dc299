"""Addresses of comments."""

from django.urls import path

from variables.discussion import views

urlpatterns = [
    path("people/", views.people, name="people"),
    path("candidates/<id:pk>/comments/", views.candidate_comments, name="candidate_comments"),
    path("candidates/<id:pk>/comment/", views.comment_on_candidate, name="comment_on_candidate"),
    path("exposures/<id:pk>/comment/", views.comment_on_exposure, name="comment_on_exposure"),
    path("images/<id:pk>/comment/", views.comment_on_image, name="comment_on_image"),
    path("comments/<id:pk>/change/", views.change_comment, name="change_comment"),
    path("comments/<id:pk>/withdraw/", views.withdraw_comment, name="withdraw_comment"),
]
