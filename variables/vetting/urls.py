"""Addresses of vetting."""

from django.urls import path

from variables.vetting import check_views, thumbnail_views, views

urlpatterns = [
    path("", views.vetting, name="vetting"),
    path("new/", views.new_campaign, name="new_campaign"),
    path("list/", views.vet_list, name="vet_list"),
    path("<id:pk>/", views.campaign, name="campaign"),
    path("<id:pk>/close/", views.close_campaign, name="close_campaign"),
    path("<id:pk>/rename/", views.rename_campaign, name="rename_campaign"),
    path("<id:pk>/reopen/", views.reopen_campaign, name="reopen_campaign"),
    path("<id:pk>/disputed/", views.follow_up_campaign, name="follow_up_campaign"),
    path("<id:pk>/flag-artifacts/", views.flag_artifacts, name="flag_artifacts"),
    path("<id:pk>/decisions.csv", views.export_decisions, name="export_decisions"),
    path("<id:pk>/vet/", views.vet, name="vet"),
    path("<id:pk>/vet/next/", views.vet_next, name="vet_next"),
    path("<id:pk>/vet/decide/", views.vet_decide, name="vet_decide"),
    path("<id:pk>/vet/group/", views.vet_group, name="vet_group"),
    path("<id:pk>/vet/group/decide/", views.vet_decide_group, name="vet_decide_group"),
    path("<id:pk>/vet/undo/", views.vet_undo, name="vet_undo"),
    path("<id:pk>/vet/release/", views.vet_release, name="vet_release"),
    path("<id:pk>/check/draw/", check_views.draw_check, name="draw_check"),
    path("<id:pk>/check/", check_views.check, name="check"),
    path("<id:pk>/check/next/", check_views.check_next, name="check_next"),
    path("<id:pk>/check/undo/", check_views.check_undo, name="check_undo"),
    path("<id:pk>/check/rest/", check_views.vote_on_rest, name="vote_on_rest"),
    path("<id:pk>/check/take-back/", check_views.take_back_rest, name="take_back_rest"),
    path(
        "candidates/thumbnails.json",
        thumbnail_views.candidate_thumbnails,
        name="candidate_thumbnails",
    ),
    path("candidates/<id:refsource_id>/vote/", views.vote, name="vote"),
]
