"""Pages of logging in and out, with a provider or without."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from galproject.sign_on.discovery import provider_of
from galproject.sign_on.errors import SignOnError
from galproject.sign_on.library_settings import library_setting

NOT_SET = "This site has no sign-on by a provider"
BY_PROVIDER = "galproject.sign_on.backend.SignOnBackend"


class LoginPage(LoginView):
    """The login page, with a button for the provider where one is set."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | {"sign_on": settings.SIGN_ON}


class LogoutPage(LogoutView):
    """The way out, which for who came by a provider offers the way out there, too."""

    def post(self, request, *args, **kwargs):
        # What the session says is gone afterwards.
        came_by = request.session.get("_auth_user_backend")
        self.next_page = "signed_out" if came_by == BY_PROVIDER else "login"
        return super().post(request, *args, **kwargs)


@require_safe
@login_not_required
@never_cache
def signed_out(request):
    """Say that one is logged out here, and offer to log out at the provider."""
    _require_sign_on()
    try:
        end = provider_of(settings.SIGN_ON.issuer).end_session_endpoint
    except SignOnError:
        end = ""
    query = urlencode(
        {
            "client_id": settings.SIGN_ON.client_id,
            "post_logout_redirect_uri": request.build_absolute_uri(reverse("login")),
        }
    )
    context = {"sign_on": settings.SIGN_ON, "end": end and f"{end}?{query}"}
    return render(request, "registration/signed_out.html", context)


class _Explained:
    """A view that answers errors of sign-on by a page."""

    get_settings = staticmethod(library_setting)

    def get(self, request):
        _require_sign_on()
        try:
            return super().get(request)
        except SignOnError as error:
            return self.refusal(str(error))
        except SuspiciousOperation:
            return self.refusal("The answer belongs to no login that was begun in this browser")

    def refusal(self, reason):
        context = {"reason": reason, "sign_on": settings.SIGN_ON}
        return render(self.request, "registration/sign_on_refused.html", context, status=403)


@method_decorator(login_not_required, name="dispatch")
class SignOnView(_Explained, OIDCAuthenticationRequestView):
    """The way to the provider."""

    def __init__(self, **kwargs):
        # The library's own asks the provider here, before errors can be answered.
        self.OIDC_RP_CLIENT_ID = settings.SIGN_ON.client_id
        super(OIDCAuthenticationRequestView, self).__init__(**kwargs)

    @property
    def OIDC_OP_AUTH_ENDPOINT(self):  # noqa: N802  (the library's name)
        return library_setting("OIDC_OP_AUTHORIZATION_ENDPOINT")


@method_decorator(login_not_required, name="dispatch")
class CallbackView(_Explained, OIDCAuthenticationCallbackView):
    """The way back from the provider."""

    def login_failure(self):
        told = self.request.GET.get("error_description") or self.request.GET.get("error")
        return self.refusal(told or "The login wasn't finished")


def _require_sign_on():
    if not settings.SIGN_ON.is_on:
        raise Http404(NOT_SET)
