"""Addresses of the choice of references."""

from django.urls import path

from galproject.references import views

urlpatterns = [
    path("", views.references, name="references"),
    path("blink/", views.references_blink, name="references_blink"),
    path("<id:pk>/", views.references_preview, name="references_preview"),
    path("<id:pk>/choose/", views.choose_reference, name="choose_reference"),
    path("<id:pk>/withdraw/", views.withdraw_reference, name="withdraw_reference"),
    path("<id:pk>/set/", views.change_reference_set, name="change_reference_set"),
]
