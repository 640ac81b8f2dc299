"""Addresses as somebody adds them who thinks of no permission, for tests."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView


class Anything(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def get(self, request):
        return Response({})


urlpatterns = [
    path("page/", lambda request: HttpResponse()),
    path("open/", login_not_required(lambda request: HttpResponse())),
    path("api-page/", Anything.as_view()),
    path("", include("galproject.urls")),
]
