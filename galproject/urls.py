"""Addresses of all pages."""

from django.contrib import admin
from django.contrib.auth.views import (
    LoginView,
    LogoutView,
    PasswordChangeDoneView,
    PasswordChangeView,
)
from django.urls import include, path

from galproject import error_pages, views
from galproject.quality.views import overrule_quality

urlpatterns = [
    path("", include("galproject.home.urls")),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("password/", PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("working-status/", views.working_status, name="working_status"),
    path("working-status/run-failed/", views.run_failed, name="run_failed"),
    path("exposures/<id:pk>/", views.exposure_page, name="exposure"),
    path(
        "exposures/<id:pk>/run-failed/",
        views.run_failed_of_exposure,
        name="run_failed_of_exposure",
    ),
    path("images/<id:pk>/quality/", overrule_quality, name="image_quality"),
    path("candidates/", include("variables.candidates.urls")),
    path("vetting/", include("variables.vetting.urls")),
    path("pictures/", include("variables.pictures.urls")),
    path("flags/", include("variables.flags.urls")),
    path("references/", include("galproject.references.urls")),
    path("api/", include("galproject.api.urls")),
    path("admin/", admin.site.urls),
]

handler400 = error_pages.bad_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler500 = error_pages.server_error
