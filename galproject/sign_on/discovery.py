"""What a provider says of itself: OpenID Connect Discovery 1.0."""

import time
from dataclasses import dataclass

import requests

from galproject.sign_on.errors import SignOnError

PATH = "/.well-known/openid-configuration"
TIMEOUT = 10  # seconds
KEPT = 3600  # seconds
NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_kept = {}


@dataclass(frozen=True)
class Provider:
    """The addresses of a provider."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


def provider_of(issuer) -> Provider:
    """The Provider at an issuer's address, asked once an hour. Raises SignOnError."""
    found, until = _kept.get(issuer, (None, 0))
    if found is None or until < time.monotonic():
        found = _ask(issuer)
        _kept[issuer] = found, time.monotonic() + KEPT
    return found


def _ask(issuer):
    try:
        response = requests.get(issuer.rstrip("/") + PATH, timeout=TIMEOUT)
        response.raise_for_status()
        told = response.json()
    except requests.RequestException as error:
        raise SignOnError(f"The provider {issuer} can't be asked: {error}") from error
    if not isinstance(told, dict) or told.get("issuer") != issuer:
        raise SignOnError(f"What answers at {issuer} says that it is another issuer")
    missing = [name for name in NEEDED if not isinstance(told.get(name), str)]
    if missing:
        raise SignOnError(f"The provider {issuer} doesn't tell its {', '.join(missing)}")
    return Provider(*(told[name] for name in NEEDED), told.get("end_session_endpoint") or "")
