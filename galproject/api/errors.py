"""Errors of the API as JSON."""

from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from exposures.errors import GalprojectError
from galproject.site.database_errors import trouble_of


def explained(error, context):
    """The response for an error: 409 with the message if the API's user caused it.

    What the database refuses or fails at for a while is 503 with what to do.
    """
    if trouble := trouble_of(error):
        set_rollback()
        headers = {"Retry-After": str(trouble.retry_seconds)}
        return Response({"detail": trouble.detail}, status=503, headers=headers)
    if isinstance(error, GalprojectError):
        return Response({"detail": str(error)}, status=409)
    return exception_handler(error, context)
