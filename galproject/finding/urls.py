"""The address of what is found."""

from django.urls import path

from galproject.finding.views import find_things

urlpatterns = [path("", find_things, name="find")]
