"""Refusal of requests with unreadable text, before any view sees them."""

import codecs

from django.core.exceptions import BadRequest
from django.http import UnreadablePostError
from django.urls import reverse

from exposures.input.text import MAX_NAME, TextError, check_query, check_text
from galproject.site.error_pages import bad_request

MAX_QUERY = 8000  # bytes of what stands after the ? of an address
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
ENCODINGS = ("utf-8", "ascii")
FILES_AT = ("uploads",)  # whose forms take files


class ReadableRequestMiddleware:
    """Refuse text that isn't UTF-8, NUL and lone surrogates anywhere in a request.

    A database takes none of them, and pages and the API need not look for them. JSON, which
    escapes them, is read by ``exposures.input.json_text`` alone.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            _check_headers(request)
            _check_address(request)
            _check_body(request)
        except TextError as error:
            return bad_request(request, BadRequest(str(error)))
        except UnreadablePostError:
            return bad_request(request, BadRequest("The request broke off before its end"))
        return self.get_response(request)


def _check_headers(request):
    for name, value in request.headers.items():
        check_text(value, f"The header {name}")
    for name, value in request.COOKIES.items():
        check_text(name + value, "A cookie")


def _check_address(request):
    query = request.META.get("QUERY_STRING", "")
    if len(query) > MAX_QUERY:
        raise TextError(f"The address is longer than the {MAX_QUERY:,} characters that are read")
    check_text(request.path, "The address")
    check_query(query.encode("latin-1"))


def _check_body(request):
    if request.content_type in (FORM, PARTS):
        _check_encoding(request)
    request.encoding = "utf-8"
    if request.content_type == FORM:
        check_query(request.body)
    elif request.content_type == PARTS:
        _check_parts(request)


def _check_encoding(request):
    name = request.content_params.get("charset", "utf-8")
    try:
        is_read = codecs.lookup(name).name in ENCODINGS
    except LookupError:
        is_read = False
    if not is_read:
        raise TextError(f"Forms are read in UTF-8, not in {name[:40]!r}")


def _check_parts(request):
    """Check names and values of a multipart form."""
    if request.FILES and request.path not in map(reverse, FILES_AT):
        name = next(iter(request.FILES))
        raise TextError(f"“{name[:MAX_NAME]}” is a file: no form here takes one")
    for name, file in request.FILES.items():
        check_text(name + file.name, "The name of a file")
    for name, values in request.POST.lists():
        for value in values:
            check_text(name + value, f"“{name[:MAX_NAME]}”")
            # What takes the place of bytes that are no character.
            if "\ufffd" in name + value:
                raise TextError(f"“{name[:MAX_NAME]}”: the text is not UTF-8")
