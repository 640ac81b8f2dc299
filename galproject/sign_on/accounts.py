"""The accounts of people who sign on: found or made, with the groups that their claims give."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from galproject.models import SignOnIdentity
from galproject.sign_on.errors import SignOnError
from galproject.site.accounts import make_account


@transaction.atomic
def account_of(claims, options):
    """The account of a person with verified claims, in the groups that these give.

    A person is known by issuer and subject, which never change; on their first visit by the name.
    Raises SignOnError with the reason why somebody isn't let in.
    """
    groups = _groups_of(claims, options)
    user = _known(claims, options) or _first_visit(claims, options)
    if not user.is_active:
        raise SignOnError(f"The account {user.get_username()} is not active")
    if groups is not None:
        _set_groups(user, groups, options)
    return user


def _groups_of(claims, options):
    """Our groups of a person; None where the provider doesn't say."""
    if not options.groups:
        return None
    told = claims.get(options.groups_claim) or []
    names = options.our_groups([told] if isinstance(told, str) else told)
    if not names:
        raise SignOnError(
            f"You are in no group that galproject knows (claim {options.groups_claim})"
        )
    groups = list(Group.objects.filter(name__in=names))
    if missing := names - {group.name for group in groups}:
        raise SignOnError(f"GALPROJECT_OIDC_GROUPS names no group of ours: {', '.join(missing)}")
    return groups


def _known(claims, options):
    of = SignOnIdentity.objects.select_related("user")
    found = of.filter(issuer=options.issuer, subject=claims["sub"]).first()
    return found and found.user


def _first_visit(claims, options):
    """The account with the name that is claimed, which is bound to this person from now on."""
    name = claims.get(options.name_claim)
    if not name or not isinstance(name, str):
        raise SignOnError(f"The provider doesn't tell your name (claim {options.name_claim})")
    user = get_user_model().objects.filter(username=name).first()
    if user is None:
        user = _made(name, claims, options)
    # Whoever may choose a name at the provider could become an administrator by it.
    if user.is_superuser:
        raise SignOnError(f"{name} is an administrator, and logs in with a password")
    try:
        with transaction.atomic():
            SignOnIdentity.objects.create(user=user, issuer=options.issuer, subject=claims["sub"])
    except IntegrityError as error:
        raise SignOnError(f"The account {name} belongs to somebody else there") from error
    return user


def _made(name, claims, options):
    if not options.makes_accounts:
        raise SignOnError(f"There is no account {name} here: ask an administrator for one")
    try:
        return make_account(name, str(claims.get("email") or ""))
    except ValidationError as error:
        raise SignOnError(f"{name} can't be a name here: {' '.join(error.messages)}") from error
    except IntegrityError as error:
        raise SignOnError(f"The account {name} is being made: try again") from error


def _set_groups(user, groups, options):
    """Put somebody into groups; those that no claim gives are left as they are."""
    given = {ours for _, ours in options.groups}
    user.groups.remove(*user.groups.filter(name__in=given).exclude(pk__in=[g.pk for g in groups]))
    user.groups.add(*groups)
