"""Addresses of nights, their reports, and the feed of them."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from django.views.decorators.http import require_safe

from galproject.nightly import views

urlpatterns = [
    path("nights/", views.nights, name="nights"),
    re_path(r"^nights/(?P<day>\d{4}-\d\d-\d\d)/\Z", views.night, name="night"),
    path(
        "feeds/<str:key>/nights/",
        login_not_required(require_safe(views.NightsFeed())),
        name="nights_feed",
    ),
]
