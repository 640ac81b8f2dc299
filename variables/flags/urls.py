"""Addresses of flags, and of the chips on which they are drawn."""

from django.urls import path

from variables.flags import views

urlpatterns = [
    path("", views.flags, name="flags"),
    path("decide/", views.decide_flags, name="decide_flags"),
    path("decide-group/", views.decide_group, name="decide_flag_group"),
    path("<int:pk>/decide/", views.decide_flag, name="decide_flag"),
    path("sources/<int:refsource_id>/", views.flag_source, name="flag_source"),
    path("images/<int:pk>/", views.image, name="image"),
    path("images/<int:pk>/flag/", views.flag_image, name="flag_image"),
    path("images/<int:pk>/covered/", views.image_covered, name="image_covered"),
]
