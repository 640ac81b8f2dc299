"""Errors of the API as clear JSON."""

from rest_framework.response import Response
from rest_framework.views import exception_handler

from exposures.errors import GalprojectError


def explained(error, context):
    """A response for an error; what a user of the API caused is 409 with the message."""
    if isinstance(error, GalprojectError):
        return Response({"detail": str(error)}, status=409)
    return exception_handler(error, context)
