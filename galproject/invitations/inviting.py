"""Invitations made, withdrawn and accepted."""

import secrets
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from exposures.errors import GalprojectError
from galproject.models import Invitation
from galproject.site.accounts import make_account
from galproject.site.tokens import key_digest

MAX_DAYS = 90  # that a link may be good for
MAIL_ERRORS = (OSError, SMTPException)


class InvitationError(GalprojectError):
    """An invitation that can't be made, withdrawn or accepted."""


@transaction.atomic
def invite(name, group_name, days, email="", invited_by="") -> tuple[Invitation, str]:
    """Make an account that is inactive until its link is used; returns invitation and key.

    The key isn't stored. Who was invited before and has not come yet gets a new link, and the
    one before opens nothing any more. Raises InvitationError.
    """
    group = Group.objects.filter(name=group_name).first()
    if group is None:
        known = ", ".join(Group.objects.order_by("name").values_list("name", flat=True))
        raise InvitationError(f"There is no group {group_name}; there are {known}")
    user = _awaited_user(name, email)
    user.groups.set([group])
    user.invitations.withdraw()
    key = secrets.token_urlsafe(32)
    invitation = user.invitations.create(
        digest=key_digest(key),
        email=email,
        invited_by=invited_by,
        expires=timezone.now() + timedelta(days=days),
    )
    return invitation, key


def withdraw(name) -> int:
    """Withdraw somebody's invitation; their account stays, inactive. Raises InvitationError."""
    user = get_user_model().objects.filter(username=name).first()
    n = user.invitations.withdraw() if user else 0
    if not n:
        raise InvitationError(f"No invitation of {name} is open; --list has those that are")
    return n


def find_live(key) -> Invitation | None:
    """The invitation that a key opens, as long as it does."""
    live = Invitation.objects.live().select_related("user")
    return live.filter(digest=key_digest(key)).first()


@transaction.atomic
def accept(invitation, password):
    """Activate the account with a password; returns the user.

    Raises InvitationError where somebody else was faster, or the invitation has ended meanwhile.
    """
    if not Invitation.objects.filter(pk=invitation.pk).use():
        raise InvitationError("This link has been used")
    user = get_user_model().objects.select_for_update().get(pk=invitation.user_id)
    if user.is_active:
        raise InvitationError("The account is active already")
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active"])
    return user


def link_of(key, site="") -> str:
    """The address that an invited person opens."""
    return f"{(site or site_address()).rstrip('/')}{reverse('invitation', args=[key])}"


def site_address() -> str:
    """The address of the site by its settings; of a development server where they name none."""
    named = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if "*" not in origin]
    if named:
        return named[0]
    host = next((h for h in settings.ALLOWED_HOSTS if not h.startswith(("*", "."))), "localhost")
    return f"https://{host}" if settings.HTTPS else f"http://{host}:8000"


def send_link(invitation, link):
    """Mail a link to its person. Raises InvitationError where no server takes it."""
    if not settings.MAIL_IS_SET:
        raise InvitationError("No mail was sent: GALPROJECT_EMAIL_URL names no server")
    context = {"invitation": invitation, "link": link}
    text = render_to_string("galproject/invitation_mail.txt", context)
    try:
        send_mail("An account on galproject", text, None, [invitation.email])
    except MAIL_ERRORS as error:
        raise InvitationError(f"No mail was sent to {invitation.email}: {error}") from error


def _awaited_user(name, email):
    """A new inactive account, or that of somebody who was invited and never came."""
    users = get_user_model().objects
    user = users.select_for_update().filter(username=name).first()
    if user is None:
        return _new_user(name, email)
    if user.is_active or user.has_usable_password() or not user.invitations.exists():
        raise InvitationError(f"There is an account {name} already")
    if user.invitations.filter(used__isnull=False).exists():
        raise InvitationError(f"{name} came by an invitation before; the tables can activate them")
    if email and user.email != email:
        user.email = email
        user.save(update_fields=["email"])
    return user


def _new_user(name, email):
    try:
        return make_account(name, email, is_active=False)
    except ValidationError as error:
        raise InvitationError(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise InvitationError(f"There is an account {name} already") from error
