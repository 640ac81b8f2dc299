"""Access to the survey: all URLs but the listed ones need a permission."""

from django.contrib.auth.views import redirect_to_login
from django.http import JsonResponse
from django.shortcuts import render
from rest_framework.exceptions import AuthenticationFailed

from galproject.site.error_pages import administrators, groups_with, wants_json
from galproject.site.tokens import TokenAuthentication

VIEW_SURVEY = "exposures.view_survey"
# Open to everybody, or to everybody who is logged in.
OPEN = frozenset(
    {
        *("login", "logout", "invitation", "sign_on", "sign_on_callback", "signed_out"),
        *("password_change", "password_change_done", "password_change_of_tables"),
        "unsubscribe",
        *("watches_feed", "watch_feed", "nights_feed"),  # opened by the key in their addresses
        # What registries read: addresses, limits and columns, and nothing of the survey.
        *("vo_capabilities", "vo_availability", "vo_tables"),
        "metrics",  # for whoever has their token
    }
)
# Django's tables ask for permissions of their own, table by table.
OPEN_NAMESPACES = frozenset({"admin"})
FIRST_PAGE = "home"
# Asked by programs that ask their user for a name and a password, and by no page of the site.
BY_PASSWORD = frozenset({"vo_search", "api-curve", "api-object-light-curve"})
PASSWORD = 'Basic realm="galproject: any name, and a token as the password", Token'


class SurveyMiddleware:
    """Refuse access to the survey without permission.

    By default, so that an address that is added needs no thought: it is open only once it is
    listed in this module. Addresses of the API are asked with a token or from a browser.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        match = request.resolver_match
        if match.view_name in OPEN or OPEN_NAMESPACES.intersection(match.namespaces):
            return None
        is_api = hasattr(view, "cls")
        try:
            user = _user_of_api(request) if is_api else request.user
        except AuthenticationFailed as error:
            return _not_logged_in(match.view_name, str(error.detail))
        if not user.is_authenticated:
            if is_api:
                return _not_logged_in(match.view_name, "Log in, or send a token.")
            return redirect_to_login(request.get_full_path())
        if user.has_perm(VIEW_SURVEY):
            return None
        return waiting(request, user)


def _user_of_api(request):
    """The user of a request's token, or the logged-in user."""
    found = TokenAuthentication().authenticate(request)
    return found[0] if found else request.user


def _not_logged_in(view_name, words):
    asked = PASSWORD if view_name in BY_PASSWORD else TokenAuthentication.keyword
    headers = {"WWW-Authenticate": asked}
    return JsonResponse({"detail": words}, status=401, headers=headers)


def waiting(request, user):
    """The page for users without access, which tells who can help."""
    names, groups = administrators(), groups_with(VIEW_SURVEY)
    if wants_json(request):
        who = f" ({', '.join(names)})" if names else ""
        words = (
            f"The account {user.get_username()} waits for a group: an administrator of "
            f"galproject{who} puts it into one of {', '.join(groups)}."
        )
        return JsonResponse({"detail": words}, status=403)
    context = {"administrators": names, "groups": groups}
    status = 200 if request.resolver_match.view_name == FIRST_PAGE else 403
    return render(request, "waiting.html", context, status=status)
