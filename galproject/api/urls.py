"""Addresses of the API."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from galproject.api import comments, pages, token_pages, views

router = SimpleRouter()
router.register("exposures", views.ExposureViewSet, "api-exposure")
router.register("images", views.ImageViewSet, "api-image")
router.register("references", views.ReferenceViewSet, "api-reference")
router.register("candidates", views.CandidateViewSet, "api-candidate")
router.register("objects", views.ObjectViewSet, "api-object")
router.register("flags", views.FlagViewSet, "api-flag")
router.register("votes", views.VoteViewSet, "api-vote")
router.register("comments", comments.CommentViewSet, "api-comment")

urlpatterns = [
    path("", pages.documentation, name="api_documentation"),
    path("tokens/", token_pages.tokens, name="tokens"),
    path("tokens/<int:pk>/end/", token_pages.end_token, name="end_token"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path(
        "sources/<id:refsource_id>/light-curve/", views.LightCurveView.as_view(), name="api-curve"
    ),
    path("cone/", views.Cone.as_view(), name="api-cone"),
    path("", include(router.urls)),
]
