"""Refusal of senseless look-ups in the admin's lists."""

import logging

from django.core.exceptions import BadRequest
from django.db import DataError, ProgrammingError

from galproject.site.error_pages import bad_request

logger = logging.getLogger(__name__)
# What Django and the database raise of a value that a column can't be held against.
UNFIT = (DataError, ProgrammingError, ValueError, TypeError, OverflowError, IndexError)
SIGNS_OF_ERROR = ("?e=1", "&e=1")  # with which Django's lists open anew, without a word


class AdminLookupMiddleware:
    """Answer 400 to look-ups that no row can match.

    Every column of a table can be looked up, with every comparison that Django knows: the values
    are only known to be unfit when the database is asked.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if _is_lookup(request) and response.get("Location", "").endswith(SIGNS_OF_ERROR):
            return _refusal(request)
        return response

    def process_exception(self, request, exception):
        if not (_is_lookup(request) and isinstance(exception, UNFIT)):
            return None
        logger.warning("%s can't be looked up", request.path, exc_info=exception)
        return _refusal(request)


def _is_lookup(request):
    match = request.resolver_match
    is_list = match and match.app_name == "admin" and (match.url_name or "").endswith("_changelist")
    return bool(is_list and request.GET)


def _refusal(request):
    names = ", ".join(name[:40] for name in request.GET)
    words = f"No row can be looked up by these values: the table was asked for {names}"
    return bad_request(request, BadRequest(words))
