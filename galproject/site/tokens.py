"""API tokens: made, checked and revoked.

A token ends by itself, when its owner ends it, and when whoever knows the password has changed.
django-rest-knox was looked at: it has no names and no last use, and comes with log-in addresses
that nobody needs here; what it would save is the forty lines below.
"""

import secrets
from base64 import b64decode
from datetime import timedelta
from hashlib import sha256

from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from exposures.errors import GalprojectError
from galproject.models import ApiToken

PREFIX = "gal_"  # by which scanners for secrets know a key
START_LENGTH = 10
MAX_LIVE = 20  # of one person
USE_NOTED = timedelta(minutes=10)  # the last use is written down no more often
NEW_ONE = "Make a new one at /api/tokens/"


class TokenError(GalprojectError):
    """A token that can't be made."""


def make_token(user, name, days) -> tuple[ApiToken, str]:
    """Make a user's token for some days; returns it and its key, which isn't stored.

    Raises TokenError if they have a living token of that name, or too many.
    """
    live = user.api_tokens.live()
    if live.filter(name=name).exists():
        raise TokenError(f"You have a token “{name}” already: end it, or choose another name")
    if live.count() >= MAX_LIVE:
        raise TokenError(f"You have {MAX_LIVE} tokens, the most there can be: end one first")
    key = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        digest=key_digest(key),
        start=key[:START_LENGTH],
        expires=timezone.now() + timedelta(days=days),
    )
    return token, key


def key_digest(key) -> str:
    """The stored digest of a key; plain, as keys have enough random bits."""
    return sha256(key.encode()).hexdigest()


class TokenAuthentication(authentication.TokenAuthentication):
    """Authenticate scripts by the header ``Authorization: Token ...``.

    Programs that know names and passwords alone, as those of the Virtual Observatory do, give any
    name and a token as the password.
    """

    def authenticate(self, request):
        # The middleware has asked the same before the view does.
        wrapped = getattr(request, "_request", request)
        if not hasattr(wrapped, "token_login"):
            wrapped.token_login = super().authenticate(request) or self._by_password(request)
        return wrapped.token_login

    def _by_password(self, request):
        """The login of a token that is sent as a password; None without one."""
        kind, _, written = authentication.get_authorization_header(request).partition(b" ")
        if kind.lower() != b"basic":
            return None
        try:
            _, _, key = b64decode(written, validate=True).decode().partition(":")
        except ValueError:
            return None
        # Others are for whatever stands before this server.
        return self.authenticate_credentials(key) if key.startswith(PREFIX) else None

    def authenticate_credentials(self, key):
        token = ApiToken.objects.select_related("user").filter(digest=key_digest(key)).first()
        if token is None:
            raise AuthenticationFailed(f"There is no such token. {NEW_ONE}")
        if not token.is_live:
            raise AuthenticationFailed(f"The token “{token.name}” is {token.state}. {NEW_ONE}")
        if not token.user.is_active:
            raise AuthenticationFailed("The account of this token is deactivated.")
        _note_use(token)
        return token.user, token


def _note_use(token):
    now = timezone.now()
    if token.last_used is None or token.last_used < now - USE_NOTED:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)


def end_with_login(sender, instance, update_fields=None, **_):
    """Revoke a user's tokens when the password changes or the account is deactivated.

    Called before a user is saved. Who changes their own password may keep them: the form sets
    ``keeps_tokens``. A password that is hashed anew when its owner logs in has not changed.
    """
    saved = {"password", "is_active"} & set(update_fields or ("password", "is_active"))
    before = saved and sender._default_manager.filter(pk=instance.pk).first()
    if not before:
        return
    # Django keeps the password that was set until it is saved, but not one hashed anew.
    is_set = instance._password is not None  # noqa: SLF001
    is_rehashed = set(update_fields or ()) == {"password"} and not is_set
    if "is_active" in saved and before.is_active and not instance.is_active:
        instance.api_tokens.all().end(ApiToken.EndedBy.DEACTIVATED)
    elif before.password != instance.password and not (
        is_rehashed or getattr(instance, "keeps_tokens", False)
    ):
        instance.api_tokens.all().end(ApiToken.EndedBy.PASSWORD)
