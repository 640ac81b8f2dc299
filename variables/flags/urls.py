"""Addresses of flags, and of the chips on which they are drawn."""

from django.urls import path

from variables.flags import views

urlpatterns = [
    path("", views.flags, name="flags"),
    path("decide/", views.decide_flags, name="decide_flags"),
    path("decide-group/", views.decide_group, name="decide_flag_group"),
    path("<id:pk>/decide/", views.decide_flag, name="decide_flag"),
    path("sources/<id:refsource_id>/", views.flag_source, name="flag_source"),
    path("images/<id:pk>/", views.image, name="image"),
    path("images/<id:pk>/flag/", views.flag_image, name="flag_image"),
    path("images/<id:pk>/covered/", views.image_covered, name="image_covered"),
]
