"""The authentication backend: codes become tokens, tokens claims, claims an account."""

import jwt
import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import SuspiciousOperation
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from galproject.sign_on.accounts import account_of
from galproject.sign_on.discovery import TIMEOUT, provider_of
from galproject.sign_on.errors import SignOnError
from galproject.sign_on.library_settings import library_setting

ALGORITHMS = ("RS256", "ES256")
REQUIRED = ("iss", "aud", "exp", "iat", "sub")  # claims of an ID token, by OpenID Connect Core 1.0


class SignOnBackend(OIDCAuthenticationBackend):
    """mozilla-django-oidc's backend with discovery, and with all checks of an ID token."""

    get_settings = staticmethod(library_setting)

    def __init__(self):
        # The library's own asks for all addresses; this object is made for each look at a
        # permission, when no provider should be waited for.
        self.UserModel = get_user_model()
        self.OIDC_RP_CLIENT_ID = settings.SIGN_ON.client_id
        self.OIDC_RP_CLIENT_SECRET = settings.SIGN_ON.client_secret
        self.OIDC_RP_SIGN_ALGO = ALGORITHMS[0]
        self.OIDC_RP_IDP_SIGN_KEY = None

    @property
    def OIDC_OP_TOKEN_ENDPOINT(self):  # noqa: N802  (the library's name)
        return provider_of(settings.SIGN_ON.issuer).token_endpoint

    @property
    def OIDC_OP_USER_ENDPOINT(self):  # noqa: N802  (the library's name)
        return provider_of(settings.SIGN_ON.issuer).userinfo_endpoint

    def authenticate(self, request, nonce=None, code_verifier=None, **_):
        """The account of who comes back from the provider. Raises SignOnError."""
        if request is None or nonce is None:
            return None
        try:
            return super().authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except SuspiciousOperation as error:
            raise SignOnError(f"The provider's answer isn't valid: {error}") from error
        except requests.RequestException as error:
            raise SignOnError(f"The provider doesn't answer as it should: {error}") from error

    def retrieve_matching_jwk(self, token):
        keys = jwt.PyJWKClient(provider_of(settings.SIGN_ON.issuer).jwks_uri, timeout=TIMEOUT)
        try:
            return keys.get_signing_key_from_jwt(token)
        except jwt.PyJWTError as error:
            raise SuspiciousOperation(f"its key isn't known ({error})") from error

    def get_payload_data(self, token, key):
        """The claims of an ID token. The library checks neither issuer nor audience."""
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=settings.SIGN_ON.client_id,
                issuer=settings.SIGN_ON.issuer,
                leeway=60,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise SuspiciousOperation(str(error)) from error

    def get_or_create_user(self, access_token, id_token, payload):
        told = self.get_userinfo(access_token, id_token, payload)
        if told.get("sub") != payload["sub"]:
            raise SignOnError("The provider tells of somebody else than who has logged in")
        return account_of(payload | told, settings.SIGN_ON)

    def get_user(self, user_id):
        # The library's own keeps a deactivated person in.
        return ModelBackend.get_user(self, user_id)
