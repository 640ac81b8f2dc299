"""Middleware: logins for every page, no caching, and explained refusals."""

import logging

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponseNotAllowed
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRefresh

from galproject.site.error_pages import explained_error, method_not_allowed

logger = logging.getLogger(__name__)

OF_PAGES = ("GET", "HEAD", "POST")  # methods


class LoginMiddleware(LoginRequiredMiddleware):
    """Require a login unless a view says otherwise."""

    def __call__(self, request):
        response = super().__call__(request)
        # After a log-out the browser's back button shows nothing. Views that say themselves how
        # long a picture may be kept are left alone.
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    def handle_no_permission(self, request, view_func):
        if request.htmx:
            # A login page has no place in the middle of another: the whole page goes there.
            return HttpResponseClientRefresh()
        return super().handle_no_permission(request, view_func)


class MethodMiddleware:
    """Answer 405 by a page, as when a form's URL is opened after a login.

    Pages, and Django's tables, are asked by GET, HEAD and POST alone; the API answers for itself.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 405 and not response.content:
            response = method_not_allowed(request, response["Allow"])
            add_never_cache_headers(response)
        return response

    def process_view(self, request, view, args, kwargs):
        if request.method in OF_PAGES or hasattr(view, "cls"):
            return None
        return HttpResponseNotAllowed(OF_PAGES)


class ExplainedErrorMiddleware:
    """Answer the database's errors by a page, and log them without a traceback."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        response = explained_error(request, error)
        if response is not None:
            line = str(error).strip().partition("\n")[0]
            logger.warning("%s %s: %s", response.status_code, request.path, line)
        return response
