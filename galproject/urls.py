"""Addresses of all pages."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import PasswordChangeDoneView
from django.urls import include, path
from django.views.generic import RedirectView

from galproject.quality.views import exposure_focal_plane, overrule_quality, quality
from galproject.site import error_pages
from galproject.site.password import PasswordView
from galproject.status import views
from variables.diagrams.views import gallery

urlpatterns = [
    path("", include("galproject.home.urls")),
    path("find/", include("galproject.finding.urls")),
    path("practice/", include("galproject.practice.urls")),
    path("help/", include("galproject.help.urls")),
    path("", include("galproject.sign_on.urls")),
    path("password/", PasswordView.as_view(), name="password_change"),
    path("password/done/", PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("invitation/", include("galproject.invitations.urls")),
    path("working-status/", views.working_status, name="working_status"),
    path("working-status/run-failed/", views.run_failed, name="run_failed"),
    path("exposures/<id:pk>/", views.exposure_page, name="exposure"),
    path(
        "exposures/<id:pk>/run-failed/",
        views.run_failed_of_exposure,
        name="run_failed_of_exposure",
    ),
    path("exposures/<id:pk>/focal-plane/", exposure_focal_plane, name="focal_plane"),
    path("completeness/", include("galproject.completeness.urls")),
    path("coverage/", include("galproject.coverage.urls")),
    path("diagrams/", include("variables.diagrams.urls")),
    path("gallery/", gallery, name="gallery"),
    path("quality/", quality, name="quality"),
    path("images/<id:pk>/quality/", overrule_quality, name="image_quality"),
    path("candidates/uploads/", include("variables.uploads.urls")),
    path("candidates/", include("variables.candidates.urls")),
    path("candidates/", include("variables.drafts.urls")),
    path("", include("variables.discussion.urls")),
    path("", include("variables.labels.urls")),
    path("", include("variables.watches.urls")),
    path("", include("galproject.nightly.urls")),
    path("notices/", include("variables.notices.urls")),
    path("vetting/", include("variables.vetting.urls")),
    path("pictures/", include("variables.pictures.urls")),
    path("plane/", include("variables.planes.urls")),
    path("flags/", include("variables.flags.urls")),
    path("references/", include("galproject.references.urls")),
    path("api/", include("galproject.api.urls")),
    path("vo/", include("galproject.virtual_observatory.urls")),
    # One page changes a password, and asks what becomes of the tokens.
    path(
        "admin/password_change/",
        RedirectView.as_view(pattern_name="password_change"),
        name="password_change_of_tables",
    ),
    path("admin/", admin.site.urls),
]

if settings.METRICS_TOKEN:
    urlpatterns.append(path("metrics", include("galproject.metrics.urls")))

handler400 = error_pages.bad_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler500 = error_pages.server_error
