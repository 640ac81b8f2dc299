"""Addresses of practice."""

from django.urls import path

from galproject.practice import views

urlpatterns = [
    path("", views.practice, name="practice"),
    path("begin/", views.begin_practice, name="begin_practice"),
    path("<id:rank>/answer/", views.answer_practice, name="answer_practice"),
    path("<id:rank>/light-curve.json", views.practice_curve, name="practice_curve"),
]
