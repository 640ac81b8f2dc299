"""The URL of invitations."""

from django.urls import path

from galproject.invitations.views import invitation

urlpatterns = [path("<str:key>/", invitation, name="invitation")]
