"""Addresses of vetting."""

from django.urls import path

from variables.vetting import views

urlpatterns = [
    path("", views.vetting, name="vetting"),
    path("new/", views.new_campaign, name="new_campaign"),
    path("list/", views.vet_list, name="vet_list"),
    path("<int:pk>/", views.campaign, name="campaign"),
    path("<int:pk>/close/", views.close_campaign, name="close_campaign"),
    path("<int:pk>/rename/", views.rename_campaign, name="rename_campaign"),
    path("<int:pk>/reopen/", views.reopen_campaign, name="reopen_campaign"),
    path("<int:pk>/disputed/", views.follow_up_campaign, name="follow_up_campaign"),
    path("<int:pk>/flag-artifacts/", views.flag_artifacts, name="flag_artifacts"),
    path("<int:pk>/decisions.csv", views.export_decisions, name="export_decisions"),
    path("<int:pk>/vet/", views.vet, name="vet"),
    path("<int:pk>/vet/next/", views.vet_next, name="vet_next"),
    path("<int:pk>/vet/decide/", views.vet_decide, name="vet_decide"),
    path("<int:pk>/vet/undo/", views.vet_undo, name="vet_undo"),
    path("<int:pk>/vet/release/", views.vet_release, name="vet_release"),
    path("candidates/<int:refsource_id>/vote/", views.vote, name="vote"),
]
