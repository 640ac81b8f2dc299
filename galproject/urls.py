"""Addresses: the working status first, and the admin."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.generic import RedirectView

from galproject import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="working_status")),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("working-status/", views.working_status, name="working_status"),
    path("working-status/run-failed/", views.run_failed, name="run_failed"),
    path("exposures/<int:pk>/", views.exposure_page, name="exposure"),
    path(
        "exposures/<int:pk>/run-failed/",
        views.run_failed_of_exposure,
        name="run_failed_of_exposure",
    ),
    path("admin/", admin.site.urls),
]
