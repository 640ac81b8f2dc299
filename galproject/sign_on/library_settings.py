"""The settings of mozilla-django-oidc, from ours and from what the provider says of itself."""

from django.conf import settings
from mozilla_django_oidc.utils import import_from_settings

from galproject.sign_on.discovery import TIMEOUT, provider_of

CALLBACK = "sign_on_callback"  # the name of its address


def library_setting(name, *default):
    """A setting by the library's name."""
    options = settings.SIGN_ON
    ours = {
        "OIDC_RP_CLIENT_ID": options.client_id,
        "OIDC_RP_SCOPES": options.scopes,
        "OIDC_AUTHENTICATION_CALLBACK_URL": CALLBACK,
        "OIDC_USE_PKCE": True,
        "OIDC_TIMEOUT": TIMEOUT,
    }
    if name == "OIDC_OP_AUTHORIZATION_ENDPOINT":
        return provider_of(options.issuer).authorization_endpoint
    return ours[name] if name in ours else import_from_settings(name, *default)
