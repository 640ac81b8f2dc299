"""Everybody who may ask the site for something: in a browser or by a token, in a group or none."""

from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from galproject.site.groups import MAY
from galproject.site.tokens import make_token
from tests.builders.people import make_person

OPEN = "open to everybody"
LOGGED_IN = "open to everybody who is logged in"


@dataclass
class Role:
    """Somebody who asks, in a browser or by a token."""

    name: str
    client: Client
    user: User | None = None  # None: nobody that the site knows
    key: str = ""  # of a token

    def __post_init__(self):
        self.client.raise_request_exception = False

    def may(self, permission):
        if permission == OPEN:
            return True
        if self.user is None:
            return False
        return permission == LOGGED_IN or self.user.has_perm(permission)

    @property
    def is_staff(self):
        return self.user is not None and self.user.is_staff and not self.key

    def ask(self, method, path):
        """What is answered; what is done by it stays."""
        cache.clear()  # of requests that are counted
        headers = {"Authorization": f"Token {self.key}"} if self.key else {}
        body = {"data": "{}", "content_type": "application/json"}
        asked = {} if method in ("GET", "HEAD", "TRACE") else body
        if "cone" in path and not asked:
            path += "?ra=266&dec=-29"
        return getattr(self.client, method.lower())(path, headers=headers, **asked)


@contextmanager
def taken_back():
    """What is done in the block is rolled back: once, as that takes as long as a small request."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def make_users():
    """{role: user}, of all kinds of people that there are."""
    users = {group: make_person(group, group) for group in MAY}
    users["no group"] = User.objects.create_user("no group")
    users["staff, no group"] = User.objects.create_user("staff", is_staff=True)
    users["staff, curator"] = make_person("staff curator", "curators", is_staff=True)
    users["superuser"] = User.objects.create_superuser("root")
    users["deactivated"] = make_person("gone", "curators", is_staff=True, is_superuser=True)
    return users


def by_browser():
    yield Role("nobody", Client())
    for name, user in make_users().items():
        role = Role(name, Client(), user)
        role.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        if name == "deactivated":
            User.objects.filter(pk=user.pk).update(is_active=False)
            role.user = None
        yield role


def by_token():
    users = make_users()
    for name, user in users.items():
        _, key = make_token(user, "token", 1)
        if name == "deactivated":
            User.objects.filter(pk=user.pk).update(is_active=False)
        yield Role(f"token of {name}", Client(), None if name == "deactivated" else user, key)
    ended, key = make_token(users["superuser"], "ended", 1)
    users["superuser"].api_tokens.filter(pk=ended.pk).end("owner")
    yield Role("ended token", Client(), None, key)
    _, key = make_token(users["superuser"], "expired", -1)
    yield Role("expired token", Client(), None, key)
