"""The URL of the first page."""

from django.urls import path

from galproject.home.views import home

urlpatterns = [path("", home, name="home")]
