"""Addresses of watched searches and their feeds."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.decorators.http import require_safe

from variables.watches import views
from variables.watches.feeds import WatchesFeed, WatchFeed

urlpatterns = [
    path("watches/", views.watches, name="watches"),
    path("watches/new/", views.make_watch, name="make_watch"),
    path("watches/feeds/renew/", views.renew_feeds, name="renew_feeds"),
    path("watches/<id:pk>/", views.watch, name="watch"),
    path("watches/<id:pk>/told/", views.tell_watch, name="tell_watch"),
    path("watches/<id:pk>/seen/", views.see_watch, name="see_watch"),
    path("watches/<id:pk>/end/", views.end_watch, name="end_watch"),
    path(
        "feeds/<str:key>/watches/",
        login_not_required(require_safe(WatchesFeed())),
        name="watches_feed",
    ),
    path(
        "feeds/<str:key>/watches/<id:pk>/",
        login_not_required(require_safe(WatchFeed())),
        name="watch_feed",
    ),
]
