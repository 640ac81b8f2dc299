"""Error pages, most of which need no database."""

import sys

from django.contrib.auth.models import Group, User
from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.middleware import csrf
from django.shortcuts import render
from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.urls import resolve

from exposures.errors import GalprojectError
from exposures.permissions import NotInvitedError, PermissionMissingError
from galproject.site.database_errors import trouble_of
from galproject.site.groups import ACTS

MAX_NAMED = 5  # administrators
# What an address of Django's tables takes, by the end of its name.
ADMIN_ACTIONS = {"changelist": "view", "history": "view", "change": "view"} | {
    name: name for name in ("add", "delete")
}
TOO_MUCH = {
    RequestDataTooBig: "The request is larger than what is taken at once",
    TooManyFieldsSent: "The request has more parameters than are taken at once",
    TooManyFilesSent: "The request has more files than are taken at once",
}
# Where not even the template can be rendered.
BARE = "<!doctype html><html lang=en><title>Error</title><h1>Something went wrong</h1></html>"


def bad_request(request, exception=None):
    """Answer 400: a request that can't be understood."""
    return _plain(request, "400.html", 400, {"detail": _detail(exception)})


def _detail(exception):
    """The problem of a request, or "" for suspicious ones, which are only logged."""
    if isinstance(exception, BadRequest | MultiPartParserError):
        return str(exception).removesuffix(".")
    return TOO_MUCH.get(type(exception), "")


def forbidden(request, exception=None):
    """Answer 403, naming the missing permission, groups that have it, and who gives it."""
    permission = _missing(request, exception)
    if wants_json(request):
        return JsonResponse({"detail": _refusal(exception, permission)}, status=403)
    context = {
        "refusal": str(exception) if isinstance(exception, NotInvitedError) else "",
        "permission": permission,
        "act": ACTS.get(permission),
        "groups": groups_with(permission) if permission else [],
        "administrators": administrators(),
    }
    return render(request, "403.html", context, status=403)


def not_found(request, exception=None):  # noqa: ARG001  Django passes it by name
    """Answer 404: there is nothing at an address."""
    if wants_json(request):
        return JsonResponse({"detail": "There is nothing at this address."}, status=404)
    return render(request, "404.html", status=404)


def server_error(request):
    """Answer 500, or 503 for the database's errors; called while handling the error."""
    error = sys.exc_info()[1]
    try:
        return explained_error(request, error) or _plain(request, "500.html", 500, {})
    except (TemplateSyntaxError, ValueError, OSError):  # a style sheet that was not collected
        return HttpResponse(BARE, status=503 if trouble_of(error) else 500)


def explained_error(request, error):
    """The page for a passing or mendable error; None for an error in the code.

    503 for what the database refuses or fails at, 409 for what can't be done as things are.
    """
    if trouble := trouble_of(error):
        headers = {"Retry-After": str(trouble.retry_seconds)}
        context = {"trouble": trouble, "detail": trouble.detail}
        return _plain(request, "503.html", 503, context, headers=headers)
    if isinstance(error, GalprojectError):
        return _plain(request, "409.html", 409, {"detail": str(error)})
    return None


def csrf_failure(request, reason=""):
    """Answer 403: a form without a valid CSRF token."""
    # By this scripts know that the same is taken once the page is loaded again.
    headers = {"X-Csrf-Failure": "1"}
    return _plain(request, "403_csrf.html", 403, {"cause": _cause(reason)}, headers=headers)


def method_not_allowed(request, allowed):
    """Answer 405: a form's URL opened as a page."""
    return _plain(request, "405.html", 405, {}, headers={"Allow": allowed})


def wants_json(request) -> bool:
    """Whether the client wants JSON, by its headers or because the URL is of the API."""
    view = getattr(request.resolver_match or _match(request), "func", None)
    kinds = ["text/html", "application/json"]
    if hasattr(view, "cls"):
        kinds.reverse()
    return request.get_preferred_type(kinds) == "application/json"


def _match(request):
    """The match of a URL that was refused before routing; None without one."""
    try:
        return resolve(request.path_info)
    except Http404:
        return None


def _plain(request, template, status, context, headers=None):
    """A page, or JSON, without anything from the database, not even the user."""
    if wants_json(request):
        words = context.get("detail") or DETAILS[status]
        return JsonResponse({"detail": words}, status=status, headers=headers)
    page = render_to_string(template, context)
    return HttpResponse(page, status=status, headers=headers)


DETAILS = {
    400: "The request can't be understood.",
    403: "The token of the form is missing or too old.",
    405: "This address takes no such request.",
    500: "Something went wrong on the server.",
}


def _cause(reason):
    """The reason why a form is refused if users can mend it, else ""."""
    if reason == csrf.REASON_NO_CSRF_COOKIE:
        return "cookie"
    if "trusted origins" in reason or reason == csrf.REASON_INSECURE_REFERER:
        return "origin"
    return "referrer" if reason.startswith("Referer") else ""


def _missing(request, exception):
    """The missing permission as "app.codename"; None if unknown."""
    if isinstance(exception, PermissionMissingError):
        return exception.permission
    match = request.resolver_match
    if match is None or match.app_name != "admin":
        return None
    table, _, action = match.url_name.rpartition("_")
    app, _, model = table.partition("_")
    return f"{app}.{ADMIN_ACTIONS[action]}_{model}" if action in ADMIN_ACTIONS else None


def _refusal(exception, permission):
    if permission:
        return f"This takes the permission {permission}."
    return str(exception) or "You may not do this."


def groups_with(permission) -> list[str]:
    """Names of the groups that have a permission, "app.codename"."""
    app, _, codename = permission.partition(".")
    held = Group.objects.filter(
        permissions__codename=codename, permissions__content_type__app_label=app
    )
    return list(held.order_by("name").values_list("name", flat=True))


def administrators() -> list[str]:
    """Names of some users who may change permissions."""
    found = User.objects.filter(is_active=True, is_superuser=True).order_by("username")
    return list(found.values_list("username", flat=True)[:MAX_NAMED])
